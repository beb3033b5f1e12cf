"""Pruning of single weights: a criterion says which, a schedule says when."""
