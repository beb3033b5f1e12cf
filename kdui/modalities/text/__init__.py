"""Texts, read as the token ids of a model's own tokenizer."""
