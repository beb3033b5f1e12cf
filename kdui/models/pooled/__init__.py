"""Pooled word-piece embeddings."""
