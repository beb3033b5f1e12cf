"""Distilling and pruning at once: the teacher is the loss while weights go, step by step."""
