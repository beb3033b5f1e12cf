"""The container of Deep Compression: any ONNX file, its weights coded without loss. FORMAT.md beside this file is the format."""
