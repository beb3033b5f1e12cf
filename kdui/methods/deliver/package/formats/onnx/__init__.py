"""ONNX: the graph with what its inputs need."""
