"""YAML that says one thing: read with a bound on everything, a line for every value, and no word that has two readings.

Recipes and studies need neither aliases, tags nor dates. Whole numbers with a leading zero (8 to one reader, 10 to the next) and
keys that stand twice are refused; ``1e-4`` is a number, as it is to every reader but one.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kdui.core.bounds import UNPRINTABLE
from kdui.core.errors import RecipeError

MOST_BYTES = 65_536
MOST_DEPTH = 20
MOST_VALUES = 5_000
MOST_DIGITS = 30

Place = tuple[str | int, ...]
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+)")
_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Document(NamedTuple):
    """Plain data, and the line in which each value of it stands; the first line is 1."""

    data: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int | None:
        """The line of the value, or of the nearest one around it."""
        return next((self.lines[place[:size]] for size in range(len(place), 0, -1) if place[:size] in self.lines), None)


def read_yaml(text: str, place: str = "The recipe") -> Document:
    """Plain data out of YAML or JSON; raises RecipeError that names the line and what to write instead."""
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > MOST_BYTES:
        raise RecipeError(
            f"{place} has {size:,} bytes; {MOST_BYTES:,} are the most that is read. Take out what it does not need."
        )
    try:
        return _Reader(text, place).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{place} is not valid YAML{where}: {error.problem or 'it cannot be read'}.") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RecipeError(f"{place} is not valid YAML in line {line}: it holds a control character. Write plain text.") from None
    except (ValueError, OverflowError) as error:  # an escape like \U99999999 that is no letter
        raise RecipeError(f"{place} is not valid YAML: {error}.") from None


def read_file(path: Path) -> str:
    """The text of a recipe's or study's file, read no further than its bound; raises RecipeError in words."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise RecipeError(
                f"{path} has more than {MOST_BYTES:,} bytes, which are the most that is read. Choose a recipe's file."
            )
        return data.decode("utf-8")
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}. Choose a YAML file.") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path} cannot be read: it is not text in UTF-8. Choose a YAML file.") from None


def read_value(text: str, place: str) -> Any:
    """One value as a recipe would have it, e.g. of ``--set distill.temperature=4``."""
    return read_yaml(text, place).data


class _Reader:
    """Builds plain data from the parser's events; the parser itself keeps no more than its place."""

    def __init__(self, text: str, place: str):
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._place, self._left = place, MOST_VALUES
        self._lines: dict[Place, int] = {}

    def document(self) -> Document:
        next(self._events)  # the stream begins
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Document(None, {})
        data = self._value(next(self._events), ())
        next(self._events)  # the document ends
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            raise self._wrong(event, "a second document begins here. Keep one in a file")
        return Document(data, self._lines)

    def _value(self, event: Any, at: Place) -> Any:
        self._lines[at] = event.start_mark.line + 1
        self._left -= 1
        if self._left < 0:
            raise self._wrong(event, f"it holds more than {MOST_VALUES:,} values")
        if len(at) > MOST_DEPTH:
            raise self._wrong(event, f"it is nested more than {MOST_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._wrong(event, "aliases (&name, *name) are not used here. Write the value out")
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag == "!"):
            raise self._wrong(event, f"the tag {event.tag[:40]} is not used here. Write plain values")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        return self._mapping(at) if isinstance(event, yaml.MappingStartEvent) else self._sequence(at)

    def _sequence(self, at: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*at, len(items))))
        return items

    def _mapping(self, at: Place) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._wrong(event, "a name must be plain text")
            key, line = self._text(event), event.start_mark.line + 1  # type: ignore[union-attr]  # a parser's mark is never None
            if key in entries:
                first = self._lines[(*at, key)]
                raise self._wrong(event, f"'{key[:60]}' appears twice (first in line {first}). Keep one of them")
            if event.anchor is not None or event.tag is not None:
                raise self._wrong(event, "aliases and tags are not used here. Write plain names")
            entries[key] = self._value(next(self._events), (*at, key))
            self._lines[(*at, key)] = line  # where its name stands
        return entries

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = self._text(event)
        if not event.implicit[0]:  # quoted, or a block of text
            return text
        if text in _NULL:
            return None
        if text.lower() in _BOOLS and text in (text.lower(), text.capitalize(), text.upper()):
            return _BOOLS[text.lower()]
        if _OCTAL.fullmatch(text):
            plain = text.replace("_", "").lstrip("+-0") or "0"
            raise self._wrong(
                event, f"{text[:40]} has two readings. Write {plain[:40]} for the number, '{text[:40]}' for the text"
            )
        if _INT.fullmatch(text):
            return int(self._digits(event, text).replace("_", ""), 0)
        if _NO_NUMBER.fullmatch(text):
            raise self._wrong(event, f"{text} is no number that can be computed with")
        if _FLOAT.fullmatch(text):
            number = float(self._digits(event, text).replace("_", ""))
            if not math.isfinite(number):
                raise self._wrong(event, f"{text} is too large a number")
            return number
        return text

    def _digits(self, event: Any, text: str) -> str:
        if len(text) > MOST_DIGITS:
            raise self._wrong(event, f"a number of {len(text):,} digits is more than can be computed with")
        return text

    def _text(self, event: yaml.ScalarEvent) -> str:
        if UNPRINTABLE.search(event.value):
            raise self._wrong(event, "it holds a control character or half a letter. Write plain text")
        return str(event.value)

    def _wrong(self, event: Any, words: str) -> RecipeError:
        return RecipeError(f"{self._place} cannot be used: line {event.start_mark.line + 1}: {words}.")


def write_yaml(data: Any, **layout: Any) -> str:
    """YAML that ``read_yaml`` reads back to the same data; ``layout`` as ``yaml.dump`` takes it."""
    return yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=True, **layout)


class _Writer(yaml.SafeDumper):
    """Quotes text that is a number to the reader: YAML's own writer knows fewer of them, ``0E0`` is text to it."""


def _written(writer: _Writer, text: str) -> yaml.ScalarNode:
    number = any(kind.fullmatch(text) for kind in (_INT, _OCTAL, _FLOAT, _NO_NUMBER))
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="'" if number else None)


_Writer.add_representer(str, _written)
