"""Sweeps and searches: runs that belong together, as one thing."""
