"""Generators: noise, distance, adversary, and one small run through everything."""
