"""A verdict for machines: whether a run's model meets its aims, every figure with its interval, for continuous integration."""
