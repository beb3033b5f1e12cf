"""Pruning: single weights by size or at random, or whole channels and heads."""
