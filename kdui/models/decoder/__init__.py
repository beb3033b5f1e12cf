"""A small decoder: reads a text from left to right."""
