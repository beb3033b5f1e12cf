"""Fully connected networks for small images."""
