"""Decoupled distillation: what the teacher says of the true class, and how it ranks the others, weighted apart."""
