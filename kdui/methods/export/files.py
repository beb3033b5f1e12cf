"""The files of a servable artifact, readable without torch: the graph, how it wants its inputs, its tokenizer."""

from pathlib import Path

from kdui.core.contracts import InputSettings
from kdui.store.artifacts import write_json

MODEL_FILE = "model.onnx"
INPUTS_FILE = "inputs.json"


def write_inputs(folder: Path, inputs: InputSettings) -> None:
    """Keep how the model wants its examples."""
    write_json(folder / INPUTS_FILE, inputs.model_dump(mode="json"))


def read_inputs(folder: Path) -> InputSettings:
    """How the model in this folder wants its examples."""
    return InputSettings.model_validate_json((folder / INPUTS_FILE).read_bytes())
