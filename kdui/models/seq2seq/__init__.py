"""Small encoder-decoder Transformers that write a text for a text."""
