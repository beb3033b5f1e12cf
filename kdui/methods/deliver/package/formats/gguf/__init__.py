"""GGUF: one file for llama.cpp, with the tokenizer in it."""
