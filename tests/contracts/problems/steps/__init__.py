"""A toy problem."""
