"""Similarity-preserving distillation: examples that are alike for the teacher shall be alike for the student."""
