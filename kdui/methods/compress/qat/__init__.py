"""Quantization-aware training: weights and inputs are rounded while the model learns from its teacher."""
