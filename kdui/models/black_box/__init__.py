"""A teacher of which only the answers are known: an ONNX file, or a table of probabilities."""
