"""Bidirectional LSTM with attention from a passage to a question."""
