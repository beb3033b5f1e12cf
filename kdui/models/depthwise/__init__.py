"""Depthwise-separable convolutional networks."""
