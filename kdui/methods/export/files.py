"""The files of a servable artifact, readable without torch: the graph, how it wants its inputs, its tokenizer."""

from pathlib import Path

from kdui.core.contracts import InputSettings

MODEL_FILE = "model.onnx"
INPUTS_FILE = "inputs.json"


def read_inputs(folder: Path) -> InputSettings:
    """How the model in this folder wants its examples."""
    return InputSettings.model_validate_json((folder / INPUTS_FILE).read_bytes())
