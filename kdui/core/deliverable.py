"""Deliverable: what a model is as files for another program. Each is a folder of ``methods/deliver/package/formats``.

``spec.py`` holds FORMAT, the facts below; ``write.py`` has ``write(context) -> Written``, which writes the file, reads it
back and judges what it read. Nothing else names a format.
"""

from pathlib import PurePath
from typing import Literal

from pydantic import Field

from kdui.core.contracts import Need
from kdui.core.plain import Frozen
from kdui.core.registry import Registry


class Deliverable(Frozen):
    """A format: what it is made of, and of which tasks' models."""

    name: str
    title: str
    file: str = Field(description="its name in the store; the ending tells its kind")
    takes: Literal["weights", "graph"] = Field(description="the model in hand, or the newest graph of the recipe")
    needs: frozenset[Need] = Field(default=frozenset(), description="what a task's problem must give")
    knobs: frozenset[str] = Field(default=frozenset(), description="settings of the stage that mean nothing to other formats")


DELIVERABLES: Registry[Deliverable] = Registry("kdui.methods.deliver.package.formats", "format", "FORMAT")


def endings() -> tuple[str, ...]:
    """How the files of all formats end, e.g. ``.gguf``."""
    return tuple(sorted({PurePath(each.file).suffix for each in DELIVERABLES.values()}))
