"""The packed form of an encoded model, readable without torch."""

PACKED_MODEL = "model.kdz"  # decodes to model.onnx beside it, byte for byte
