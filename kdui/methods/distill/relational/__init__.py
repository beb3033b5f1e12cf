"""Relational distillation: preserve pairwise distances and angles of the teacher's features."""
