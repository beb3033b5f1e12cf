"""Any error in one sentence: what happened and what to do; where nobody foresaw it, its traceback goes into a log file."""

import errno
import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from kdui.core.errors import KduiError

LOG = "errors.log"
MOST_BYTES = 1_000_000  # then the log begins anew: the last error is the one that is asked about
FULL = (errno.ENOSPC, errno.EDQUOT)
_last: dict[Path, str] = {}  # home -> the traceback that this process wrote last


def in_words(error: BaseException, home: Path | None, *, telling: bool = True) -> str:
    """The sentence for a person; ``home`` is where the log lies, or None where it isn't known.

    ``telling``: with the error's own text. The page leaves it out, as an unforeseen text may quote what was being read.
    """
    if isinstance(error, KduiError):
        return str(error)
    return f"{_what(error, telling)} {_where(error, home)}"


def _what(error: BaseException, telling: bool) -> str:
    first = next(iter(str(error).strip().splitlines()), "")[:300].rstrip(".")
    if isinstance(error, MemoryError):
        return "The memory is not enough for this. Choose a smaller model or file, lower the batch size, or end other programs."
    if isinstance(error, OSError) and error.errno in FULL:
        return "The disk is full. Free some space, or set KDUI_HOME to a folder on another disk."
    if isinstance(error, OSError) and error.strerror and telling:
        place = f"{error.filename} cannot be used" if error.filename else "The system refused it"
        return f"{place}: {error.strerror}. Check that it exists and that you may read or write there."
    if type(error).__module__.startswith("sqlalchemy"):
        words = f" ({getattr(error, 'orig', None) or type(error).__name__})" if telling else ""
        return f"The store's database gave an error{words}. Try again; if it stays, restart kdui: it then reports the cause."
    words = f": {first}" if first and telling else ""
    return f"This is a fault of kdui, not of yours ({type(error).__name__}{words}). Nothing that was stored is lost; try again."


def _where(error: BaseException, home: Path | None) -> str:
    path = write_log(error, home)
    if path is None:
        return "Its traceback could not be written anywhere: neither the home nor the temporary folder takes a file."
    return f"The traceback is in {path}: add it when you report this."


def write_log(error: BaseException, home: Path | None) -> Path | None:
    """Append the traceback to the log in the home, or to a file of its own where the home takes none; None where nothing does."""
    told = "".join(traceback.format_exception(error))
    if home is not None and _last.get(home) == told and (home / LOG).exists():
        return home / LOG  # what is asked for every few seconds fails in the same way each time
    text = f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{told}\n"
    data = text.encode("utf-8", errors="backslashreplace")
    if home is not None and (path := _append(home / LOG, data)):
        _last[home] = told
        return path
    try:
        number, name = tempfile.mkstemp(prefix="kdui-error-", suffix=".log")
        with os.fdopen(number, "wb") as file:
            file.write(data)
    except OSError:
        return None
    return Path(name)


def _append(path: Path, data: bytes) -> Path | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        anew = path.exists() and path.stat().st_size > MOST_BYTES
        # Local paths stand in a traceback: other users of the machine need not read them.
        number = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if anew else os.O_APPEND), 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(data)
    except OSError:
        return None
    return path
