"""A language model as the files that other programs read: Hugging Face, GGUF, ONNX Runtime GenAI."""
