"""Presentations: a file each in the home, under a name that any text can have."""

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from kdui.core.errors import StateConflict, StoreError, UnknownName
from kdui.core.presentation import Presentation
from kdui.store.artifacts import write_json
from kdui.store.disk import errors_in_words

MOST = 100
MOST_BYTES = 30_000_000  # of one, with what was removed last
_CHANGING = threading.Lock()  # of the threads of a page; the command line only reads


class PresentationStore:
    """Reads and changes them; a change is one file put in the place of another."""

    def __init__(self, folder: Path):
        self.folder = folder

    def names(self) -> list[str]:
        """The latest changed first; what cannot be read is left out, and ``get`` says why."""
        files = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return [name for name in map(_name_in, files) if name]

    def get(self, name: str) -> Presentation:
        """Raises UnknownName where there is none, StoreError where its file cannot be read."""
        path = self._path(name)
        if not path.is_file():
            raise UnknownName("presentation", name[:80], self.names())
        try:
            return Presentation.model_validate_json(path.read_bytes())
        except (ValidationError, OSError) as error:
            raise StoreError(
                f"The presentation '{name}' cannot be read: it is damaged or of another version of kdui. Its file is {path}."
            ) from error

    def change(self, name: str, make: Callable[[Presentation], Presentation], revision: int | None = None) -> Presentation:
        """Put what ``make`` gives in the place of the presentation, which is begun where there is none.

        Raises StateConflict where it is no longer at ``revision``.
        """
        with _CHANGING:
            exists = self._path(name).is_file()
            if not exists and len(list(self.folder.glob("*.json"))) >= MOST:
                raise StoreError(f"There are {MOST} presentations already. Delete one first.")
            before = self.get(name) if exists else Presentation(name=name)
            if revision is not None and revision != before.revision:
                raise StateConflict(f"'{name}' was changed in another window meanwhile. It is shown as it stands now.")
            after = make(before)
            after = Presentation.model_validate({**dict(after), "revision": before.revision + 1})
            if len(after.model_dump_json()) > MOST_BYTES:
                raise StoreError(f"'{name}' would be larger than {MOST_BYTES // 1_000_000} MB. Begin another presentation.")
            with errors_in_words(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                write_json(self._path(after.name), after.model_dump(mode="json"))
                if after.name != name:
                    self._path(name).unlink(missing_ok=True)
            return after

    def rename(self, name: str, to: str) -> Presentation:
        """Raises StateConflict where the other name is taken."""
        before = self.get(name)
        if to != name and self._path(to).is_file():
            raise StateConflict(f"There is a presentation '{to}' already. Choose another name.")
        return self.change(name, lambda _: Presentation.model_validate({**dict(before), "name": to}))

    def remove(self, name: str) -> None:
        self.get(name)
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        """A name may hold anything, a file's name may not."""
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _name_in(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["name"])
    except (ValueError, OSError, KeyError, TypeError):
        return ""
