"""Fully connected networks for small images: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class MlpOptions(Frozen):
    """Shape of a fully connected network."""

    first: int = Field(default=300, ge=1, le=8192, description="units of the first hidden layer")
    second: int = Field(default=100, ge=0, le=8192, description="units of the second hidden layer; 0 leaves it out")


FAMILY = Family(
    name="mlp",
    title="Fully connected network",
    modality="image",
    options=MlpOptions,
    structured_pruning=True,
    quantization="static",
    presets=(
        Preset(
            name="lenet-300-100",
            title="LeNet-300-100",
            options={"first": 300, "second": 100},
            summary="Two hidden layers of 300 and 100 units: the network on which Deep Compression reached 40×.",
        ),
    ),
)
