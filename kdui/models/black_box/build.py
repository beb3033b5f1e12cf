"""A teacher of which only predictions are available: the form of its inputs. There is no module to build."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import StageFailed
from kdui.models.convolution import image_inputs
from kdui.models.tokens import text_inputs


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> NoReturn:
    """Always raises StageFailed: a black box has no weights that could be trained or looked into."""
    raise StageFailed(
        "A black box provides predictions only and cannot be built. Use it as the teacher of a method that transfers outputs."
    )


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """The task's own pixels, or token ids of the tokenizer beside the file."""
    return image_inputs(options, facts) if facts.modality == "image" else text_inputs(facts)
