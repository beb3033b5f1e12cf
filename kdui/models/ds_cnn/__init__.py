"""Depthwise-separable networks for keywords."""
