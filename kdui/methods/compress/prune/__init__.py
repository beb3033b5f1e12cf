"""Pruning of single weights: a criterion says which, a course says when."""
