"""A person's own pairs of a text and the text to be written for it."""
