"""Distilling and compressing at once: the teacher is the loss while weights go, and are rounded, step by step."""
