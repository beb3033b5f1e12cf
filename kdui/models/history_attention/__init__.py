"""Self-attention over histories."""
