"""Hugging Face: safetensors, config and tokenizer, as from_pretrained of transformers takes them."""
