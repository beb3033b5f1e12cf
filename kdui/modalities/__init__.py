"""What an input is: one folder a modality, without torch.

``prepare.py`` turns raw examples into the arrays that a graph takes and reads what a person gives.
"""

import importlib

from kdui.core.contracts import Modality
from kdui.core.errors import UnknownName


def modality_of(name: str) -> Modality:
    """The module that prepares and parses examples of a modality: image, text, ..."""
    try:
        return importlib.import_module(f"kdui.modalities.{name}.prepare")
    except ModuleNotFoundError as error:
        if error.name not in (f"kdui.modalities.{name}", f"kdui.modalities.{name}.prepare"):
            raise
        raise UnknownName("kind of input", name, ("image", "text")) from error
