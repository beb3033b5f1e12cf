"""Saved views of the page: names for addresses, in one file of the home, so that every browser finds them."""

import json
import threading
from pathlib import Path

from kdui.core.errors import StoreError, UnknownName
from kdui.core.saved_view import View
from kdui.store.artifacts import write_json
from kdui.store.disk import errors_in_words

MOST = 100
_CHANGING = threading.Lock()  # of the threads of a page


class ViewStore:
    """Reads and changes them; the one saved last comes first."""

    def __init__(self, file: Path):
        self.file = file

    def all(self) -> list[View]:
        """Raises StoreError where the file cannot be read."""
        try:
            return [View.model_validate(item) for item in json.loads(self.file.read_bytes())] if self.file.is_file() else []
        except (ValueError, OSError) as error:
            raise StoreError(f"The saved views cannot be read. Their file is {self.file}: delete it to begin anew.") from error

    def save(self, view: View) -> list[View]:
        """Put it first, in the place of one of that name."""
        with _CHANGING:
            others = [each for each in self.all() if each.name != view.name]
            if len(others) >= MOST:
                raise StoreError(f"There are {MOST} saved views already. Delete one first.")
            return self._write([view, *others])

    def remove(self, name: str) -> list[View]:
        """Raises UnknownName where there is none."""
        with _CHANGING:
            known = self.all()
            if name not in [each.name for each in known]:
                raise UnknownName("saved view", name[:80], [each.name for each in known])
            return self._write([each for each in known if each.name != name])

    def _write(self, views: list[View]) -> list[View]:
        with errors_in_words(self.file.parent):
            write_json(self.file, [each.model_dump() for each in views])
        return views
