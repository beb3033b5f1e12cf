"""ONNX Runtime GenAI: the graph with a KV cache, its config and its tokenizer."""
