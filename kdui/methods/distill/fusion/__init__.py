"""Fusion: teacher and student are trained together in one loop."""
