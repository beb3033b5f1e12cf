"""A person's own data before they are a task: named, looked over, kept."""

from collections.abc import Callable
from pathlib import Path

from kdui.catalogue.own_data import own_name, preview_of
from kdui.catalogue.references import anchored_ref
from kdui.catalogue.tasks import own_task
from kdui.core.own_preview import Preview
from kdui.settings import Settings


class OwnData:
    """What a workbench can do with data that are no task yet. ``where``: what relative paths mean now, and what may be read."""

    def __init__(self, where: Callable[[], tuple[Path, Settings]]):
        self._where = where

    def name(self, text: str) -> str:
        """The name of the data that a person means by a path; raises RecipeError in words."""
        return own_name(text, *self._where())

    def preview(self, name: str) -> Preview:
        """What is known before anything runs; raises RecipeError in words."""
        folder, settings = self._where()
        return preview_of(anchored_ref(name, folder), settings)

    def keep(self, name: str) -> str:
        """Make a task of the data; returns its name. Raises RecipeError in words."""
        folder, settings = self._where()
        return own_task(anchored_ref(name, folder), settings)
