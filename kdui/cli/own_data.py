"""A person's own data in the terminal: the preview that the page shows, too."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from kdui.cli.plain_terminal import clean, console
from kdui.core.own_preview import SPLITS, Preview

MOST_CLASSES = 40  # that are printed


def print_preview(preview: Preview) -> None:
    """How the data were read, their columns, classes and problems."""
    out = console()
    out.print(f"{clean(preview.title)}: {preview.kind}")
    for what, value in preview.read:
        out.print(f"  {clean(what)}: {clean(value)}")
    if preview.columns:
        rows = [(column.name, column.holds, " · ".join(value[:40] for value in column.values)) for column in preview.columns]
        out.print(_table(("column", "holds", "first values"), rows))
    if preview.classes:
        head = f"{len(preview.classes):,} classes" if len(preview.classes) > 1 else "examples"
        listed = list(preview.classes.items())
        shown = [(label, *(f"{counts.get(split, 0):,}" for split in SPLITS)) for label, counts in listed[:MOST_CLASSES]]
        if len(listed) > MOST_CLASSES:
            shown.append((f"… {len(listed) - MOST_CLASSES:,} more", "", "", ""))
        total = ("images" if preview.examples else "all", *(f"{preview.splits[split]:,}" for split in SPLITS))
        out.print(_table((head, *SPLITS), [*shown, *([total] if len(listed) > 1 else [])]))
    for note in preview.notes:
        out.print(f"{'!' if note.level == 'problem' else ' '} {clean(note.text)}")
    if preview.limits:
        out.print(clean(preview.limits))
    if preview.refusal:
        out.print(f"No task can be made of this yet: {clean(preview.refusal)}")


def preview_json(preview: Preview, task: str) -> dict[str, Any]:
    """The same for a program."""
    return {**preview.model_dump(mode="json"), "splits": preview.splits, "task": task}


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, head in enumerate(heads):
        table.add_column(clean(head), overflow="fold", justify="right" if head in SPLITS and place else "left")
    for row in rows:
        table.add_row(*map(clean, row))
    return table
