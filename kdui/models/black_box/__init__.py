"""A teacher of which only predictions are available: an ONNX file, or a table of probabilities."""
