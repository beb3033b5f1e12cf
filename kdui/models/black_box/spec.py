"""A teacher of which only the answers are known: facts. It is taken as it is, so there is nothing to build."""

from pydantic import Field

from kdui.core.contracts import Family
from kdui.core.plain import Frozen


class BlackBoxOptions(Frozen):
    """How the answers are to be read."""

    probabilities: bool = Field(default=False, description="true where an ONNX file gives probabilities and not logits")


# The catalogue sets modality and quantization to what suits the task.
FAMILY = Family(name="black-box", title="Black box", modality="any", options=BlackBoxOptions, quantization="dynamic")
