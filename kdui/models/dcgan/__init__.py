"""Generators of pictures."""
