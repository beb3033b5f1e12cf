"""Similarity-preserving distillation: match the pairwise similarities of a batch."""
