"""Detectors: a class and a box for each cell of an image."""
