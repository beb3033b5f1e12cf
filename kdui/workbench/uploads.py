"""Files that a person sends to the page, piece by piece, before their data are kept: in the home, bounded, gone after a day."""

import re
import secrets
import time
from pathlib import Path

from kdui.core.errors import RecipeError
from kdui.store.artifacts import clear
from kdui.store.disk import errors_in_words

MOST_BYTES = 256 << 20  # of one file
MOST_ALL = 1 << 30  # of all that lie there
KEPT_SECONDS = 86_400.0
_ENDINGS = re.compile(r"\.(csv|tsv|tab|jsonl|ndjson|json|parquet|zip|txt|md|text|markdown)", re.IGNORECASE)


class Uploads:
    """The folder ``uploads`` of a home: a folder with a name by lot for each file."""

    def __init__(self, home: Path):
        self.folder = home / "uploads"

    def begin(self, name: str) -> str:
        """A new, empty file; returns its id. Raises RecipeError for a kind of file that is not read here."""
        kept = re.sub(r"[^\w.-]+", "-", name.replace("\\", "/").rpartition("/")[2])[-80:].lstrip(".-") or "data"
        if not _ENDINGS.fullmatch(Path(kept).suffix):
            raise RecipeError(
                f"'{name[:80]}' is no kind of file that is taken: send a table (.csv, .tsv, .jsonl), a zip of images or "
                "sounds, or a text (.txt, .md)."
            )
        with errors_in_words(self.folder):
            self._make_room()
            upload = secrets.token_hex(8)
            (self.folder / upload).mkdir(parents=True)
            (self.folder / upload / kept).touch()
        return upload

    def add(self, upload: str, at: int, data: bytes) -> Path:
        """Put a piece behind the ``at`` bytes that are there; returns the file. Raises RecipeError where it does not fit."""
        path = self.path(upload)
        with errors_in_words(self.folder):
            if path.stat().st_size != at:
                raise RecipeError("A piece of the file is missing. Send the file again.")
            if at + len(data) > MOST_BYTES:
                clear(path.parent)
                raise RecipeError(
                    f"The file has more than {MOST_BYTES >> 20} MB. Put it below KDUI_HOME or KDUI_DATA_DIR and write its path, "
                    "or send a part of it."
                )
            with path.open("ab") as file:
                file.write(data)
        return path

    def path(self, upload: str) -> Path:
        """The file of an upload; raises RecipeError where there is none."""
        found = list((self.folder / upload).glob("*")) if re.fullmatch(r"[0-9a-f]{16}", upload) else []
        if len(found) != 1:
            raise RecipeError("That file is not there any more. Send it again.")
        return found[0]

    def discard(self, path: Path) -> None:
        """Remove the upload that a file is of; any other file stays."""
        if path.parent.parent == self.folder:
            clear(path.parent)

    def _make_room(self) -> None:
        """Take away what is older than a day; raises RecipeError where too much is left."""
        total = 0
        for folder in self.folder.glob("*"):
            files = list(folder.glob("*"))
            newest = max((file.stat().st_mtime for file in files), default=0.0)
            if time.time() - newest > KEPT_SECONDS:
                clear(folder)
            else:
                total += sum(file.stat().st_size for file in files)
        if total > MOST_ALL - MOST_BYTES:
            raise RecipeError(f"{self.folder} holds {total / 1e6:,.0f} MB that were sent today. Remove what is not needed there.")
