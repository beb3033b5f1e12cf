"""Structured pruning: whole channels, heads, hidden units and layers leave, so the model is really smaller and faster."""
