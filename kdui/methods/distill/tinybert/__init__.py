"""TinyBERT: match hidden states and attention, layer by layer."""
