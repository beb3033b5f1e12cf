"""The next token of a text, from those before it."""
