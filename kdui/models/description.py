"""What stands in ``model.json`` beside the weights: all that is needed to build the same module again."""

from typing import Any

from pydantic import Field

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.plain import Frozen


class ModelDescription(Frozen):
    """The architecture of a saved model, after surgery."""

    model: str = Field(description="the reference it was made from")
    family: str
    version: int = Field(description="of the family")
    options: dict[str, Any]
    task: TaskFacts
    source: str | None = Field(default=None, description="names the pretrained weights it started from")
    inputs: InputSettings
    architecture: dict[str, Any] = Field(default={}, description="what else the family needs, e.g. a checkpoint's config")
    surgery: dict[str, dict[str, Any]] = Field(default={}, description="layer -> the sizes that differ from a fresh build")
