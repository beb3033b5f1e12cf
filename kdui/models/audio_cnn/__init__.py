"""Convolutional networks over log-mel features."""
