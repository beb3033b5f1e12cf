"""ONNX Runtime: sessions with fixed threads, whole splits, and the latency harness in a process of its own."""
