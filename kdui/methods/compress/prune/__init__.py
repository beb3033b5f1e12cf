"""Pruning of single weights: a criterion decides which, a schedule when."""
