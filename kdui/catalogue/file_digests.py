"""What names a file in the store: the sha256 of its content, read once a version of it and by one thread alone.

The page resolves a reference at each turn of a knob, for every visitor: a request waits a moment at most, and all that ask for
one file wait for one reading.
"""

import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path

from kdui.core.errors import RecipeError
from kdui.settings import Settings

PATIENCE = 2.0  # seconds that a request of the page waits
MOST_KEPT = 256
_PIECE = 1 << 22

_Version = tuple[str, int, int, int]  # path, size, time of the last change, inode
_known: "OrderedDict[_Version, _Reading]" = OrderedDict()
_guard = threading.Lock()
_turn = threading.Lock()  # files are read one after the other: a disk is no faster for many


class _Reading:
    """One file that is read, or was."""

    def __init__(self, path: Path, size: int):
        self.path, self.size, self.done = path, size, 0
        self.digest: Future[str] = Future()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        whole = hashlib.sha256()
        try:
            with _turn, self.path.open("rb") as file:
                while piece := file.read(_PIECE):
                    whole.update(piece)
                    self.done += len(piece)
        except OSError as error:
            self.digest.set_exception(error)
        else:
            self.digest.set_result(whole.hexdigest())


def file_digest(path: Path, settings: Settings | None = None) -> str:
    """sha256 of a file; raises RecipeError in words where the page asks (``own_files_only``) and the file is still being read."""
    facts = path.stat()
    version = (str(path), facts.st_size, facts.st_mtime_ns, facts.st_ino)
    with _guard:
        reading = _known.get(version)
        if reading is None or (reading.digest.done() and reading.digest.exception()):
            reading = _known[version] = _Reading(path, facts.st_size)
        _known.move_to_end(version)
        for old in [key for key, one in _known.items() if one.digest.done()][: max(0, len(_known) - MOST_KEPT)]:
            del _known[old]
    try:
        return reading.digest.result(PATIENCE if settings is not None and settings.own_files_only else None)
    except TimeoutError:
        raise RecipeError(
            f"{path.name} is being read to determine its version: {reading.done / 1e6:,.0f} of "
            f"{reading.size / 1e6:,.0f} MB so far. Try again in a moment."
        ) from None
