"""Means of item vectors: the smallest recommenders."""
