"""Packed: the graph without loss in kdui's own container, with what its inputs need."""
