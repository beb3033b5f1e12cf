"""Text for any terminal: no markup or control sequences out of names, and other signs where a terminal has no UTF-8."""

import codecs
import contextlib
import os
import re
import sys
from typing import Any

from rich.console import Console

# What stands for a sign that the terminal's encoding does not have; the marks of provenance stay apart from each other.
SIGNS = {
    "●": "*", "◐": "~", "○": "o", "⟲": "<", "·": "|", "–": "-", "—": "-", "−": "-", "…": "...", "→": "->", "×": "x", "±": "+/-",
    "≥": ">=", "≤": "<=", "‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ", "µ": "u", "μ": "u",
}  # fmt: skip
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def prepare() -> None:
    """Let standard output and error take every text, whatever their encoding; called once at the start of a command."""
    codecs.register_error("kdui", _instead)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a closed stream is None; another program's stream may be of another kind
            stream.reconfigure(errors="kdui")  # type: ignore[union-attr]


def _instead(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(SIGNS.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def clean(text: Any) -> str:
    """The text without what steers a terminal: escape sequences out of a name must not move its cursor or set its title."""
    return _CONTROLS.sub("�", str(text))


def console(*, stderr: bool = False) -> Console:
    """Where text is printed as it is: brackets in a name are no markup. A pipe has no width, so lines there stay whole."""
    stream = sys.stderr if stderr else sys.stdout
    wide = None if stream is not None and stream.isatty() else 240
    return Console(stderr=stderr, width=wide, markup=False, emoji=False, highlight=False)


def has_utf8() -> bool:
    """Whether standard output takes every letter; else JSON is written with escapes, so that nothing in it changes."""
    return "utf" in (getattr(sys.stdout, "encoding", None) or "").lower()


def leave_pipe() -> None:
    """Nobody reads standard output any more: what is still in its buffer must not raise at the interpreter's end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
