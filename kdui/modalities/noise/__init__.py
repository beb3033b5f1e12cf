"""Noise that pictures are made of."""
