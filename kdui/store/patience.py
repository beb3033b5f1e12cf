"""What the database refuses, in words; and patience with one that is locked, for work that must not be lost to it."""

import functools
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from kdui.core.errors import StoreAway, StoreError

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # s between two tries
_BUSY = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
# PostgreSQL: serialization failure, deadlock, too many connections, lock not available, the server is going down or coming up.
_TRY_AGAIN = ("40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03")

Result = TypeVar("Result")
Class = TypeVar("Class", bound=type)


def in_words(kind: Class) -> Class:
    """Class decorator: each public method is one transaction, tried again while the database is busy and ``self.patience``
    seconds are not over; what it refuses then is raised as a StoreError."""
    for name in dir(kind):  # what a base class reads is a transaction too
        method = inspect.getattr_static(kind, name)
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(kind, name, _patient(method))
    return kind


def _patient(method: Callable[..., Result]) -> Callable[..., Result]:
    @functools.wraps(method)
    def tried(self: Any, *given: Any, **named: Any) -> Result:
        return patiently(functools.partial(method, self, *given, **named), self.patience)

    return tried


def patiently(work: Callable[[], Result], seconds: float) -> Result:
    """Do it, again and again while the database is locked or away, for so long; raises StoreError in words after that.

    A transaction that met a lock has changed nothing, so it can be tried as a whole.
    """
    started, pause = time.monotonic(), FIRST_PAUSE
    while True:
        try:
            return work()
        except OperationalError as error:
            waited = time.monotonic() - started
            if not is_busy(error):
                raise explained(error) from error
            if waited >= seconds:
                raise StoreError(_still_busy(error, max(1.0, waited))) from error
        except StoreAway:
            waited = time.monotonic() - started
            if waited >= seconds:
                raise
        except DBAPIError as error:
            raise explained(error) from error
        time.sleep(min(pause, max(0.0, seconds - waited)))
        pause = min(2 * pause, LONGEST_PAUSE)


def is_busy(error: OperationalError) -> bool:
    """Locked, or (a server elsewhere) gone or overloaded for the moment."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _BUSY
    return _is_away(error) or getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


def _is_away(error: OperationalError) -> bool:
    """A server that ended the connection or cannot be reached; not one that answers and refuses the name or the password."""
    if error.connection_invalidated:
        return True
    reason = str(error.orig)
    refused = "FATAL" in reason and not any(words in reason for words in ("starting up", "shutting down", "too many"))
    return _of_server(error) and getattr(error.orig, "sqlstate", None) is None and not refused


def _of_server(error: DBAPIError) -> bool:
    return hasattr(error.orig, "sqlstate")


def _still_busy(error: OperationalError, seconds: float) -> str:
    if _is_away(error):
        return (
            f"The store's database server could not be reached for {seconds:.0f} s ({_first_line(error)}). See that it runs and "
            "that KDUI_DATABASE_URL names it, then try again; a run continues when it is resumed."
        )
    return (
        f"The store's database has been locked by another program for {seconds:.0f} s, such as a backup or a database browser. "
        "Close that program, then try again; a run continues when it is resumed."
    )


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0][:200]


def explained(error: DBAPIError, place: str = "") -> Exception:
    """A fault of the database as a sentence; one of the statement stays what it is. ``place``: the file, where it is known."""
    if type(error).__name__ not in ("OperationalError", "DatabaseError", "InterfaceError"):
        return error
    reason, where = str(error.orig), f" {place}" if place else ""
    if "disk is full" in reason:
        return StoreError(
            "The disk is full, so the store could not be written. Free some space or set KDUI_HOME to another disk, then resume."
        )
    if any(words in reason for words in ("malformed", "not a database", "corrupt")):
        return StoreError(
            f"The store's database{where} is damaged ({reason}). Bring it back from a backup, or move it away: kdui then "
            "begins with an empty list of runs, and models and data stay in their folders."
        )
    if any(words in reason for words in ("unable to open", "readonly", "read-only", "disk I/O", "not authorized")):
        return StoreError(
            f"The store's database{where} cannot be read and written ({reason}). Make its folder writable for you, or set "
            "KDUI_HOME to one that is."
        )
    if _of_server(error):
        return StoreError(
            f"The store's database server refuses{where} ({_first_line(error)}). Set KDUI_DATABASE_URL to a database that "
            "exists, with a name and a password that may use it."
        )
    return StoreError(
        f"The store's database{where} cannot be used ({reason}). Run 'python app.py doctor'; if it is damaged, bring it back "
        "from a backup, or set KDUI_HOME to a new folder."
    )
