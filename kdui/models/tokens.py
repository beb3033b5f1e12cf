"""The input format of text models, and the tokenizer that goes with their weights."""

from pathlib import Path
from typing import Any

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.layout import TOKENIZER


def text_inputs(facts: TaskFacts, longest: int | None = None, whole: bool = False) -> InputSettings:
    """Token ids of the tokenizer beside the model: the task's length and case, at most ``longest`` tokens.

    ``whole``: a text with more tokens is refused and not cut.
    """
    length = facts.input["max_length"]
    settings: dict[str, Any] = {
        "max_length": min(length, longest) if longest else length,
        "lowercase": bool(facts.input.get("lowercase", False)),
    }
    if whole:
        settings["whole"] = True
    return InputSettings(modality="text", settings=settings, files=(TOKENIZER,))


def read_tokenizer(folder: Path) -> str | None:
    """The text of the folder's tokenizer.json, if there is one."""
    path = folder / TOKENIZER
    return path.read_text(encoding="utf-8") if path.is_file() else None
