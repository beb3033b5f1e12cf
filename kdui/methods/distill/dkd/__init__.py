"""Decoupled distillation: the teacher's outputs of the true class, and how it ranks the others, weighted apart."""
