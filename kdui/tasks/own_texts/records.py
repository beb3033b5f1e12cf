"""Rows of a person's tables by what their columns hold: chosen or guessed, the incomplete ones counted and left out."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kdui.core.own_names import OwnPath
from kdui.core.own_preview import SPLIT_NAMES, Note, Preview
from kdui.tasks.own_texts.columns import Choice, Role, choose, described_columns
from kdui.tasks.own_texts.files import Part


class Record(NamedTuple):
    """One row: role -> stripped cell, "" where there is none, and the split that the data themselves say, "" for none."""

    cells: dict[str, str]
    split: str


class Records(NamedTuple):
    """The rows that have all they need; none where ``seen`` refuses the choice of columns."""

    seen: Preview
    rows: list[Record]


def records(own: OwnPath, parts: Sequence[Part], roles: Sequence[Role], limits: str) -> Records:
    """What tables hold for these roles, and the beginning of their preview."""
    columns = tuple(dict.fromkeys(column for part in parts for column in part.table.columns))
    cells = [_aligned(part, columns, row) for part in parts for row in part.table.rows]
    choice = choose(columns, cells, own.options, roles)
    seen = Preview(
        kind=own.kind,
        title=own.path.rstrip("/").rpartition("/")[2],
        read=_read(parts, choice),
        columns=described_columns(columns, cells),
        chosen=choice.columns,
        roles=tuple(sorted((role.name for role in roles), key=lambda name: name == "split")),
        notes=tuple(Note(level="problem", text=text) for part in parts for text in part.table.problems),
        limits=limits,
        refusal=choice.refusal,
    )
    if choice.refusal:
        return Records(seen, [])
    rows, notes = _rows(parts, columns, cells, choice, [role.name for role in roles if role.needed])
    return Records(seen.model_copy(update={"notes": (*seen.notes, *notes)}), rows)


def _aligned(part: Part, columns: Sequence[str], row: Sequence[str]) -> tuple[str, ...]:
    """The cells of a row in the order of all files' columns."""
    if part.table.columns == columns:
        return tuple(row)
    own = dict(zip(part.table.columns, row, strict=True))
    return tuple(own.get(column, "") for column in columns)


def _read(parts: Sequence[Part], choice: Choice) -> tuple[tuple[str, str], ...]:
    """What was recognised: files, encoding, separator, header, columns."""
    shown = ", ".join(f"{part.name} ({part.split})" if part.split else part.name for part in parts[:6])
    said = {"files": shown + (" …" if len(parts) > 6 else ""), "rows": f"{sum(len(part.table.rows) for part in parts):,}"}
    for part in parts[:1]:
        said |= part.table.read
    for role, name in choice.columns.items():
        said[f"{role} column"] = name + (" (guessed)" if role in choice.guessed else "")
    return tuple(said.items())


def _rows(
    parts: Sequence[Part], columns: Sequence[str], cells: Sequence[Sequence[str]], choice: Choice, needed: Sequence[str]
) -> tuple[list[Record], list[Note]]:
    place = {role: columns.index(name) for role, name in choice.columns.items() if role != "split"}
    of_split = columns.index(choice.columns["split"]) if "split" in choice.columns else None
    splits = [part.split for part in parts for _ in part.table.rows]
    rows, without, strange = [], Counter[str](), Counter[str]()
    for row, of_file in zip(cells, splits, strict=True):
        own = {role: row[at].strip() for role, at in place.items()}
        said = row[of_split].strip().lower() if of_split is not None else of_file
        if missing := next((role for role in needed if not own[role]), None):
            without[missing] += 1
        elif said and said not in SPLIT_NAMES:
            strange[said] += 1
        else:
            rows.append(Record(own, SPLIT_NAMES.get(said, "")))
    notes = [Note(level="problem", text=f"Left out: {count:,} without a {role}.") for role, count in without.items()]
    for said, count in strange.items():
        words = f"Left out: {count:,} of a split “{said[:40]}”. Splits are called train, validation and test."
        notes.append(Note(level="problem", text=words))
    return rows, notes
