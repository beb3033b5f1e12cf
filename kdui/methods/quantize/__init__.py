"""Quantization of the exported graph: real int8, or another bit-width as simulated accuracy and true packed size."""
