"""Depthwise-separable convolutional networks that transcribe recordings."""
