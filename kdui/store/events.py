"""Events of a run: one JSON line each, appended by the worker, read by cursor.

The cursor is a byte offset, so a page that polls reads only what is new, and any number of pages can follow.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from kdui.core.run import Event, EventKind
from kdui.store.disk import errors_in_words

FILE = "events.jsonl"


class EventLog:
    """Appends to and reads from one run's event file."""

    def __init__(self, folder: Path):
        self.path = folder / FILE

    def append(self, kind: EventKind, *, step: str | None = None, at: float | None = None, text: str = "", **values: Any) -> None:
        """Add one event with a single write: lines of two writers never mix. Raises StoreError when the disk is full."""
        event = Event(time=time.time(), kind=kind, step=step, at=at, values=values, text=text)
        line = event.model_dump_json(exclude_defaults=True) + "\n"
        with errors_in_words(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                _write(handle, line.encode("utf-8"))
            finally:
                os.close(handle)

    def read(self, cursor: int = 0) -> tuple[list[Event], int]:
        """Events after the cursor and the new cursor; a last line without its end (a killed writer) waits or is passed over."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(cursor)
                data = stream.read()
        except OSError:  # there is none yet, or something else lies in its place
            return [], cursor
        whole, _, _rest = data.rpartition(b"\n")
        if not whole:
            return [], cursor
        events = [event for line in whole.split(b"\n") if (event := _parse(line)) is not None]
        return events, cursor + len(whole) + 1


def _write(handle: int, data: bytes) -> None:
    """Write all of it or nothing: a disk that fills up may take the beginning, onto which the next line would be put."""
    written = 0
    try:
        while written < len(data):
            written += os.write(handle, data[written:])
    except OSError:
        if written:
            os.ftruncate(handle, os.fstat(handle).st_size - written)
        raise


def _parse(line: bytes) -> Event | None:
    """One line as an event; None for a line that a killed writer left torn and a later one continued."""
    try:
        return Event.model_validate(json.loads(line))
    except ValueError:
        return None
