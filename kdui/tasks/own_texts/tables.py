"""Tables of a person: CSV, TSV and JSON lines as rows of texts; encoding, separator and header are recognised and said."""

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from kdui.core.errors import RecipeError

MOST_ROWS, MOST_COLUMNS = 200_000, 200
ENCODINGS = (
    *("utf-8", "utf-16", "cp1252", "latin-1", "iso-8859-2", "iso-8859-15", "cp1250", "cp1251", "cp1253", "cp1254", "koi8-r"),
    *("mac-roman", "shift-jis", "euc-jp", "gb18030", "big5", "euc-kr"),
)
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HEADER_WORDS = frozenset(
    (
        *("text", "sentence", "review", "content", "body", "document", "comment", "message", "tweet", "question"),
        *("label", "labels", "class", "category", "target", "sentiment", "topic", "intent", "rating", "stars", "score"),
        *("id", "index", "split", "set"),
    )
)


class Table(NamedTuple):
    """Rows of cells, each a text (empty where there is none); ``read``: what was recognised, ``problems``: what was left out."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    read: dict[str, str]
    problems: tuple[str, ...] = ()


def table_of(name: str, data: bytes, options: Mapping[str, str]) -> Table:
    """The table in the bytes of a file; its name says of what kind. Raises RecipeError in words."""
    ending = name.rpartition(".")[2].lower()
    if ending in ("jsonl", "ndjson", "json"):
        return _json_table(name, data, options)
    return _csv_table(name, data, options, "\t" if ending in ("tsv", "tab") else None)


def decoded(name: str, data: bytes, wanted: str | None) -> tuple[str, str, str]:
    """The text, its encoding, and what is uncertain of it in words; raises RecipeError where it is no text."""
    if wanted is not None and wanted.lower().replace("_", "-") not in ENCODINGS:
        raise RecipeError(f"encoding: '{wanted[:40]}' is none that is read here. Choose one of {', '.join(ENCODINGS)}.")
    mark = next((encoding for start, encoding in _BOMS if data.startswith(start)), None)
    uncertain = ""
    for encoding in [wanted] if wanted else [mark] if mark else ["utf-8", "cp1252"]:
        try:
            text = data.decode(str(encoding))
        except UnicodeDecodeError as error:
            reason = error
            continue
        if "\0" in text:
            raise RecipeError(f"{name} is no text: it holds zero bytes. Save it as UTF-8 text.")
        if encoding == "cp1252" and not wanted:
            uncertain = (
                f"{name} is not in UTF-8; it was read as Windows-1252 (Western European). If letters look wrong below, name "
                "its encoding: encoding=NAME."
            )
        return text.removeprefix("\ufeff"), str(encoding).removesuffix("-sig"), uncertain
    line = data.count(b"\n", 0, reason.start) + 1
    raise RecipeError(
        f"{name} is not in {wanted or mark or 'UTF-8'}: line {line:,} holds bytes that cannot stand there. Name its encoding, "
        f"encoding=NAME ({', '.join(ENCODINGS[:4])} …), or save it as UTF-8."
    )


# --- CSV ----------------------------------------------------------------------------------------------------------------------


def _csv_table(name: str, data: bytes, options: Mapping[str, str], usual: str | None) -> Table:
    text, encoding, uncertain = decoded(name, data, options.get("encoding"))
    separator = _wanted_separator(options) or usual or _separator(text)
    rows = _cells(name, text, separator)
    if not rows:
        raise RecipeError(f"{name} is empty. Name a table with a column of texts and one of labels.")
    header = {"yes": True, "no": False}.get(options.get("header", ""))
    header = _has_header([row for _, row in rows[:200]]) if header is None else header
    width = len(rows[0][1]) if header else Counter(len(row) for _, row in rows[:1000]).most_common(1)[0][0]
    if width < 2:
        raise RecipeError(
            f"{name} has one column only, as far as can be seen: a text and a label are needed. Name the separator if there is "
            "one: separator=comma, semicolon, tab or bar."
        )
    columns = _names(rows[0][1] if header else [str(place + 1) for place in range(width)], name)
    body = rows[1:] if header else rows
    odd = [line for line, row in body if len(row) != width]
    problems = [uncertain] if uncertain else []
    if odd:
        problems.append(
            f"Left out: {len(odd):,} of {name} with another number of cells than {'the header' if header else 'most rows'} "
            f"({width}), the first one in line {odd[0]:,}."
        )
    read = {
        "encoding": encoding.upper(),
        "separator": SEPARATORS[separator],
        "header": "first row" if header else "none: columns are called by number",
    }
    return Table(columns, [tuple(row) for _, row in body if len(row) == width], read, tuple(problems))


def _wanted_separator(options: Mapping[str, str]) -> str | None:
    given = options.get("separator")
    if given is None:
        return None
    found = given if given in SEPARATORS else {word: sign for sign, word in SEPARATORS.items()}.get(given)
    if found is None:
        raise RecipeError(f"separator: '{given[:20]}' is none of {', '.join(SEPARATORS.values())}.")
    return found


def _separator(text: str) -> str:
    """The one that makes most rows equally wide, and then the widest."""

    def score(sign: str) -> tuple[float, int]:
        try:
            widths = Counter(
                len(row) for row in islice(csv.reader(io.StringIO(text[:200_000], newline=""), delimiter=sign), 200) if row
            )
        except csv.Error:
            return 0.0, 0
        usual, times = widths.most_common(1)[0] if widths else (0, 0)
        return (round(times / widths.total(), 1), usual) if usual > 1 else (0.0, 0)

    return max(SEPARATORS, key=score)


def _cells(name: str, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Rows that are not empty, each with the line that it ends in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            rows.append((reader.line_num, row))
            if len(rows) > MOST_ROWS + 1:
                raise RecipeError(f"{name} has more than {MOST_ROWS:,} rows. Name a part of it.")
    except csv.Error as error:
        raise RecipeError(
            f"{name} cannot be read as a table: line {reader.line_num:,}: {error}. Perhaps a quotation mark is opened there and "
            "never closed."
        ) from None
    return rows


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row holds names: filled, different, short, no numbers, and values that do not come again below."""
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    if any(cell.lower() in _HEADER_WORDS for cell in first):
        return True
    if not all(first) or len(set(first)) < len(first) or any(len(cell) > 60 or _is_number(cell) for cell in first):
        return False
    return not any(row[place].strip() == cell for row in rest for place, cell in enumerate(first) if place < len(row))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _names(given: Sequence[str], name: str) -> tuple[str, ...]:
    """The names of columns, each of its own; one without a name is called by its number."""
    if len(given) > MOST_COLUMNS:
        raise RecipeError(f"{name} has {len(given):,} columns; at most {MOST_COLUMNS} are taken. Keep text, label and split.")
    names: list[str] = []
    for place, text in enumerate(given):
        wanted = " ".join(text.split())[:80] or str(place + 1)
        names.append(wanted if wanted not in names else f"{wanted} ({place + 1})")
    return tuple(names)


# --- JSON ---------------------------------------------------------------------------------------------------------------------


def _json_table(name: str, data: bytes, options: Mapping[str, str]) -> Table:
    """Objects, one a line or in one list; what is no text, number or switch is left empty."""
    text, encoding, uncertain = decoded(name, data, options.get("encoding"))
    records: list[dict[str, Any]] = []
    wrong: list[int] = []
    for line, value in _values(name, text):
        if isinstance(value, dict):
            records.append(value)
        else:
            wrong.append(line)
        if len(records) > MOST_ROWS:
            raise RecipeError(f"{name} has more than {MOST_ROWS:,} examples. Name a part of it.")
    if not records:
        raise RecipeError(f'{name} holds no objects. Write one a line: {{"text": "…", "label": "…"}}.')
    columns = tuple(dict.fromkeys(str(key) for record in records for key in record))
    _names(columns, name)
    problems = [uncertain] if uncertain else []
    if wrong:
        problems.append(f"Left out: {len(wrong):,} of {name} that hold no object, the first one in line {wrong[0]:,}.")
    rows = [tuple(cell_text(record.get(column)) for column in columns) for record in records]
    return Table(columns, rows, {"encoding": encoding.upper()}, tuple(problems))


def _values(name: str, text: str) -> Iterator[tuple[int, Any]]:
    try:
        if text.lstrip().startswith("["):
            yield from ((1, value) for value in json.loads(text))
            return
        for line, words in enumerate(text.split("\n"), 1):
            if words.strip():
                yield line, json.loads(words)
    except (ValueError, RecursionError) as error:
        place = f"line {line:,}: " if "line" in locals() else ""
        raise RecipeError(f"{name} cannot be read as JSON: {place}{error}. Write one object a line.") from None


def cell_text(value: Any) -> str:
    """A cell as a text; empty where it is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, int) else ""
