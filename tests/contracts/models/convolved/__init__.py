"""A toy model."""
