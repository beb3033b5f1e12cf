"""Boxes of the objects in an image, and the class of each."""
