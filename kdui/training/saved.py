"""A model in the hands of a stage: the module, its description, and the folder with its tokenizer."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from kdui.core.contracts import InputSettings
from kdui.models.description import ModelDescription


@dataclass
class SavedModel:
    """``folder`` holds the files that ``inputs`` names; the module may be changed in place."""

    module: nn.Module
    description: ModelDescription
    inputs: InputSettings
    folder: Path
