"""What an input is: one folder a modality, without torch.

``prepare.py`` turns raw examples into the arrays that a graph takes and reads what a person gives.
"""

import importlib
from types import ModuleType

from kdui.core.contracts import InputSettings, Modality
from kdui.core.errors import KduiError, UnknownName

# In the order in which their tasks are listed; those of others come behind.
NAMES = ("image", "text", "passage", "audio", "recording", "interactions", "noise")


def place_of(name: str) -> int:
    """Where the tasks of a modality stand in lists."""
    return NAMES.index(name) if name in NAMES else len(NAMES)


def modality_of(name: str) -> Modality:
    """The module that prepares and parses examples of a modality: image, text, ..."""
    try:
        return importlib.import_module(f"kdui.modalities.{name}.prepare")
    except ModuleNotFoundError as error:
        if error.name not in (f"kdui.modalities.{name}", f"kdui.modalities.{name}.prepare"):
            raise
        raise UnknownName("kind of input", name, NAMES) from error


def parts_of(name: str) -> ModuleType:
    """``modalities/NAME/parts.py``: an input as parts that can be left out; raises KduiError for a modality without such."""
    try:
        return importlib.import_module(f"kdui.modalities.{name}.parts")
    except ModuleNotFoundError as error:
        if error.name not in (f"kdui.modalities.{name}", f"kdui.modalities.{name}.parts"):
            raise
        raise KduiError(f"Inputs of the kind '{name}' have no parts that could be left out yet.") from error


def seconds_of(inputs: InputSettings) -> float | None:
    """How long an example lasts that a model takes, where its modality has time."""
    seconds = getattr(modality_of(inputs.modality), "seconds", None)
    return seconds(inputs.settings) if seconds else None
