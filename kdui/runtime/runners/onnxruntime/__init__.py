"""ONNX Runtime: the runtime of every figure that names no other."""
