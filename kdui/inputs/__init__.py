"""How a raw example becomes the arrays that a graph takes: one module a modality, without torch."""

import importlib

from kdui.core.contracts import InputKind
from kdui.core.errors import UnknownName


def input_kind(modality: str) -> InputKind:
    """The module that prepares and parses examples of a modality: image, text, ..."""
    try:
        return importlib.import_module(f"kdui.inputs.{modality}")
    except ModuleNotFoundError as error:
        if error.name != f"kdui.inputs.{modality}":
            raise
        raise UnknownName("kind of input", modality, ("image", "text")) from error
