"""MiniLM: how the tokens of a text relate inside self-attention, whatever the widths of the two transformers."""
