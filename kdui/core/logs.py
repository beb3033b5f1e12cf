"""The program's log: plain lines on standard output, which a worker's launcher sends to the run's file."""

import logging
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

ROOT = "kdui"


class _StandardOutput(logging.Handler):
    """Writes each line at once to what is standard output at that moment; a full disk ends the work as any other write would."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), flush=True)


class _OfRun(logging.LoggerAdapter[logging.Logger]):
    """Puts the run's id before each line, so that lines of several runs in one stream can be distinguished."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        run = self.extra["run"] if self.extra else ""
        return (f"{prefix(str(run))}{msg}" if run else msg), kwargs


def prefix(run: str) -> str:
    """What stands before a line about a run."""
    return f"[{run}] "


def last_lines(path: Path, run: str, count: int) -> str:
    """The end of a run's output, at most ``count`` lines without its id before them; empty where there is no file."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 200 * count))
        text = stream.read().decode("utf-8", errors="replace")
    return "\n".join(line.removeprefix(prefix(run)) for line in text.splitlines()[-count:])


def logger(part: str, run: str = "") -> logging.LoggerAdapter[logging.Logger]:
    """The log of one part of the program; ``run``: the id of the run that its lines are about."""
    root = logging.getLogger(ROOT)
    if not root.handlers:
        root.addHandler(_StandardOutput())
        root.setLevel(logging.INFO)
        root.propagate = False
    return _OfRun(root.getChild(part), {"run": run})
