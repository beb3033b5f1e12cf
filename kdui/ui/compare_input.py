"""What Compare is asked: one input for some models, as the browser sends it and as the workbench takes it."""

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.plain import Frozen
from kdui.modalities.audio import prepare as sound
from kdui.modalities.image.picture_files import NAMES, read_picture

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_MODELS = 4
MOST_IMAGE_BYTES = 8_000_000
MOST_SIDE = 1024  # rows and columns of an image that is sent as levels
Level = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class Question(Frozen):
    """One input for some models: a text, which is a question where there is a passage, an image or a WAV file as a data URL,
    a test image as rows of grey levels, or a history of items; ``then``: what the person of a test example took after it."""

    task: str = Field(max_length=200)
    models: tuple[Annotated[str, Field(max_length=64)], ...] = Field(min_length=1, max_length=MOST_MODELS)
    text: str | None = Field(default=None, max_length=20_000)
    passage: str | None = Field(default=None, max_length=100_000)
    picture: str | None = Field(default=None, max_length=MOST_IMAGE_BYTES * 4 // 3 + 100)
    sound: str | None = Field(default=None, max_length=MOST_IMAGE_BYTES * 4 // 3 + 100)
    pixels: Annotated[list[Annotated[list[Level], Field(max_length=MOST_SIDE)]], Field(max_length=MOST_SIDE)] | None = None
    items: Annotated[tuple[Annotated[str, Field(max_length=300)], ...], Field(max_length=5_000)] | None = None
    then: tuple[Annotated[str, Field(max_length=300)], ...] = Field(default=(), max_length=5_000)
    truth: str = Field(default="", max_length=200)


def task_of(workbench: "Workbench", name: str) -> TaskFacts:
    """A task that Compare offers; raises UnknownName for another one."""
    tasks = {task.name: task for task in workbench.tasks()}
    if name not in tasks:
        raise UnknownName("task", name, tasks)
    return tasks[name]


def input_of(question: Question) -> Any:
    """The input as the workbench takes it: a text, question and passage, an image, a WAV file's bytes, uint8 grey
    levels, or a list of items."""
    if question.passage is not None:
        return question.text or "", question.passage
    if question.text is not None:
        return question.text
    if question.items is not None:
        return list(question.items)
    if question.pixels is not None:
        if len({len(row) for row in question.pixels}) != 1:
            raise RecipeError("The image's rows differ in length.")
        return np.clip(np.asarray(question.pixels), 0, 255).astype(np.uint8)
    if question.sound is not None:
        return sound.opened(_bytes_of(question.sound, "This recording did not arrive whole. Choose it again."))
    if question.picture is None:
        raise RecipeError("There is no input yet. Type, draw, record, upload or pick an example.")
    return read_picture(_bytes_of(question.picture, f"This file is not an image that can be read. Choose a {NAMES} file."))


def _bytes_of(address: str, otherwise: str) -> bytes:
    """The content of a data URL; raises RecipeError with these words for anything else."""
    try:
        return base64.b64decode(address.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as problem:
        raise RecipeError(otherwise) from problem
