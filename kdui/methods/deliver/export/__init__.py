"""Export to an ONNX file that ONNX Runtime runs, checked against PyTorch."""
