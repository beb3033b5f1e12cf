"""Bidirectional LSTM over word pieces."""
