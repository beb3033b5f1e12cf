"""The name of every file in an artifact, readable without torch."""

from pathlib import Path

from kdui.core.contracts import InputSettings

# A servable model: its graph, how it wants its inputs, and the tokenizer where it takes text.
MODEL_FILE = "model.onnx"
INPUTS_FILE = "inputs.json"
TOKENIZER = "tokenizer.json"
CHAT = "chat.json"  # of a chat model: its template and what ends an answer
ITEMS = "items.json"  # of a model that ranks items: their names, in the order of its outputs
ANSWER_NODES = "answers."  # how names of nodes in a graph begin that make answers of its outputs: no arithmetic of the model
PACKED_MODEL = "model.kdz"  # decodes to model.onnx beside it, byte for byte

# A measured model.
MEASUREMENTS_FILE = "measurements.json"
PREDICTIONS_FILE = "predictions.npy"  # outputs on the test split in its order, fp32 (fp16 in old ones)
QUALITY_FILE = "quality.npz"  # right [n]: which test examples it has right; part [n]: of which task, where several are one
KERNELS_FILE = "kernels.json"  # precision, MACs and time of every kernel; where speed was measured
RUNTIMES_FILE = "runtimes.json"  # runtime -> why it did not compute the graph; where others than the usual one were wanted

# A language model in the format of another program: a folder as an archive, or the one file.
REMOTE_FILE = "remote.json"  # which server and model a remote teacher is
CLAIMS_FILE = "kdui.json"  # in such an archive: what was measured of it

SENSITIVITY_FILE = "sensitivity.json"

# In a run's folder: what its worker printed.
OUTPUT_FILE = "output.log"


def read_inputs(folder: Path) -> InputSettings:
    """How the model in this folder wants its examples."""
    return InputSettings.model_validate_json((folder / INPUTS_FILE).read_bytes())
