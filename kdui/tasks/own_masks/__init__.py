"""A person's own images with a mask each: a class for each pixel."""
