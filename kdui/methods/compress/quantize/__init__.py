"""Quantization of the exported graph: int8, blocks of few bits and fp16 that run, any other bit-width simulated and packed."""
