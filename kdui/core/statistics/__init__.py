"""Intervals, paired differences, power and false discoveries: pure mathematics of the standard library, asked by every layer."""
