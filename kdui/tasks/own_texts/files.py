"""The files of a person's labelled texts: one table, or a folder with a table for each split."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from kdui.catalogue.fetch import MARKER
from kdui.catalogue.hub_tables import fetch_tables
from kdui.catalogue.reach import require_reach
from kdui.core.errors import RecipeError
from kdui.core.own_names import HUB
from kdui.core.own_preview import SPLIT_NAMES
from kdui.settings import Settings
from kdui.tasks.own_texts.parquet import parquet_table
from kdui.tasks.own_texts.tables import MOST_ROWS, Table, table_of

ENDINGS = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet")
NAMES = "CSV, TSV, JSON lines or Parquet (.csv, .tsv, .jsonl, .parquet)"
MOST_BYTES = 64 << 20  # of all files together: they are held in memory
MOST_FILES = 200


class Part(NamedTuple):
    """The table of one file, and the split that its name says, "" for none."""

    name: str
    split: str
    table: Table


def read_parts(path: str, options: Mapping[str, str], settings: Settings) -> list[Part]:
    """The tables at a path; raises RecipeError where it leads outside of what may be read or holds no table."""
    if path.startswith(HUB):
        return _of_hub(path.removeprefix(HUB), options, settings)
    require_reach(path, settings)
    return _of_place(Path(path).expanduser(), options, settings)


def _of_hub(repo: str, options: Mapping[str, str], settings: Settings) -> list[Part]:
    """The tables of a data set on the Hub; one of several configurations must be chosen."""
    config = options.get("config", "")
    folder, commit = fetch_tables(repo, options.get("revision", "main"), config, settings)
    parts = _of_place(folder, options, settings)
    if len({part.table.columns for part in parts}) > 1 and not config:
        inside = sorted({part.name.partition("/")[0] for part in parts if "/" in part.name})
        raise RecipeError(
            f"{repo} holds tables with different columns. Choose one of its parts: config=NAME, out of {', '.join(inside[:20])}."
        )
    return [part._replace(table=part.table._replace(read={**part.table.read, "commit": commit})) for part in parts]


def _of_place(given: Path, options: Mapping[str, str], settings: Settings) -> list[Part]:
    try:
        if not given.exists():
            raise RecipeError(f"There is no file or folder {given}. Write own-texts:PATH with a {NAMES} file.")
        files = [given] if not given.is_dir() else _tables_below(given)
        if not files:
            raise RecipeError(f"{given} holds no {NAMES} file. Name a file, or a folder with one for each split.")
        if unknown := [file for file in files if file.suffix.lower() not in ENDINGS]:
            raise RecipeError(f"{unknown[0].name} ends in '{unknown[0].suffix}'; labelled texts are read from {NAMES} files.")
        total = sum(file.stat().st_size for file in files)
        if total > MOST_BYTES:
            raise RecipeError(
                f"{given} has {total / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:,.0f} MB are taken. Name a part of it."
            )
        root = given if given.is_dir() else given.parent
        parts = [_part(file, root, options, settings) for file in files]
    except OSError as error:
        raise RecipeError(f"{given} cannot be read ({error.strerror or error}). Check its permissions.") from error
    if sum(len(part.table.rows) for part in parts) > MOST_ROWS:
        raise RecipeError(f"{given} has more than {MOST_ROWS:,} rows. Name a part of it.")
    # One file is not a split, whatever it is called.
    return [part._replace(split="") for part in parts] if len({part.split for part in parts}) < 2 else parts


def _tables_below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, names in os.walk(folder):  # links to folders are not followed
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(place, name)
            for name in sorted(names)
            if not name.startswith(".") and name.lower().endswith(ENDINGS) and name != MARKER
        ]
        if len(found) > MOST_FILES:
            raise RecipeError(f"{folder} holds more than {MOST_FILES} tables. Name one of them, or a folder with fewer.")
    return found


def _part(file: Path, root: Path, options: Mapping[str, str], settings: Settings) -> Part:
    require_reach(str(file), settings)  # a link may lead elsewhere
    if not file.is_file():
        raise RecipeError(f"{file.name} is no ordinary file. Take it out of the folder.")
    name = file.relative_to(root).as_posix()
    with file.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)  # it may have grown
    if len(data) > MOST_BYTES:
        raise RecipeError(f"{file.name} has more than {MOST_BYTES / 1e6:,.0f} MB. Name a part of it.")
    table = parquet_table(name, data) if name.lower().endswith(".parquet") else table_of(name, data, options)
    return Part(name, split_in(name), table)


def split_in(name: str) -> str:
    """The split that a file's or a folder's name says; "" where it says none."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "")
