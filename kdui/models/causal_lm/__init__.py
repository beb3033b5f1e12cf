"""Small language models of LLaMA's architecture with a tokenizer of their own."""
