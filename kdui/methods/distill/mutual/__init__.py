"""Mutual learning: several students teach each other, and no teacher is needed."""
