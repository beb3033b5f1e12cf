"""Hints: match intermediate features through a learned projection."""
