"""A teacher of which only predictions are available: facts. It is taken as it is, so there is nothing to build."""

from pydantic import Field

from kdui.core.contracts import Family
from kdui.core.foreign import UNSAID, ForeignOptions


class BlackBoxOptions(ForeignOptions):
    """How examples are given to an ONNX file and how its outputs are to be read."""

    probabilities: bool = Field(default=False, description="true where an ONNX file gives probabilities and not logits")
    output: str = Field(default="", description="the output with the logits, where the file has several")


# The catalogue sets modality and quantization to what suits the task.
FAMILY = Family(
    name="black-box",
    title="Black box",
    modality="any",
    options=BlackBoxOptions,
    later={**UNSAID, "output": ""},
    quantization="dynamic",
)
