"""Ensemble: one student under several teachers, of any architectures, weighted example by example."""
