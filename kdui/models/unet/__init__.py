"""U-Nets: a class for each pixel."""
