"""Build's dialog for a person's own data: a path or a file that is sent, looked over, made a task."""

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdui.core.errors import RecipeError, StateConflict
from kdui.core.own_names import (
    BOXES,
    CORPUS,
    MASKS,
    PAIRS,
    PICTURES,
    RATINGS,
    SOUNDS,
    SPANS,
    TEXTS,
    TRANSCRIPTS,
    kept_name,
    own_path,
)
from kdui.core.own_preview import SPLITS, Preview
from kdui.ui.calls import whole
from kdui.ui.panel import options
from kdui.workbench.read_only import GALLERY_WORDS
from kdui.workbench.uploads import Uploads

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

PIECE = 600_000  # bytes of a file that is sent at once; a text of a call may have a million characters
SHOWN_CLASSES = 100
CHOOSE, NONE = "choose …", "none"
ROLES = {  # title of a column's field, and what stands there while none is chosen
    "text": ("Texts", CHOOSE),
    "label": ("Labels", CHOOSE),
    "file": ("Files", CHOOSE),
    "speaker": ("Speakers", NONE),
    "user": ("People", CHOOSE),
    "item": ("Items", CHOOSE),
    "time": ("Times", NONE),
    "rating": ("Ratings", NONE),
    "passage": ("Passages", CHOOSE),
    "question": ("Questions", CHOOSE),
    "answer": ("Answers", CHOOSE),
    "start": ("Starts of answers", NONE),
    "source": ("Source texts", CHOOSE),
    "target": ("Target texts", CHOOSE),
    "split": ("Split", NONE),
}
CHOSEN = (*ROLES, "size")  # options that the dialog has a field for
SIDES = {PICTURES: (8, 224, 1), BOXES: (32, 512, 32), MASKS: (32, 512, 32)}  # kinds whose images are fitted: pixels, and steps
WORDS = {
    TEXTS: "labelled texts",
    PICTURES: "images by class",
    BOXES: "images with boxes",
    MASKS: "images with masks",
    SOUNDS: "sounds by class",
    TRANSCRIPTS: "recordings with transcripts",
    SPANS: "questions on passages",
    PAIRS: "pairs of texts",
    RATINGS: "ratings",
    CORPUS: "text for a language model",
}
DIALOG = f"""
<dialog id="own-panel" aria-labelledby="own-title"><form method="dialog"><h3 class="title" id="own-title">Your own data</h3>
  <p class="help">A table of texts with labels (CSV, TSV, JSON lines, Parquet), a folder or zip of images or sounds with a folder
    for each class, images with boxes or masks, recordings with transcripts, or plain text for a language model. For a table of
    questions, pairs of texts or ratings choose what it is. Nothing leaves this machine.</p>
  <div class="own-source">
    <label class="field"><span>Path on the machine that runs kdui, or hub:OWNER/NAME</span><input type="text" id="own-path"
      autocomplete="off" spellcheck="false" placeholder="/data/reviews.csv"></label>
    <label class="field"><span>What it is</span><select
      id="own-kind">{options([("", "by its files"), *WORDS.items()], "")}</select></label>
    <label class="act" for="own-file">Send a file …<input class="sr-only" id="own-file" type="file"
      data-piece="{PIECE}" accept=".csv,.tsv,.tab,.jsonl,.ndjson,.json,.parquet,.zip,.txt,.md"></label>
  </div>
  <p class="help">A file can also be dropped here.</p>
  <div id="own-said" role="status"></div>
  <div id="own-preview"></div>
  <div class="buttons"><button type="button" class="act primary" id="own-look">Preview</button>
    <button type="button" class="act primary" id="own-keep" hidden>Use these data</button>
    <button class="act" value="cancel">Close</button></div></form></dialog>
"""


class OwnDataCalls:
    """What the browser can ask about data that are no task yet."""

    def __init__(self, workbench: "Workbench"):
        self.bench = workbench
        self.uploads = Uploads(workbench.settings.home)

    def own_look(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The preview of the data at ``path`` with what was chosen; ``name``: how they are kept, empty where they cannot be."""
        path = str(payload.get("path") or "").strip()
        if not path:
            raise RecipeError("Write the path of your data first, or send a file.")
        kind = str(payload.get("kind") or "")
        if kind in WORDS and own_path(path) is None and kept_name(path) is None:
            path = f"{kind}:{path}"
        name = self._with_choices(self.bench.own_data.name(path), payload.get("chosen"))
        preview = self.bench.own_data.preview(name)
        return {"html": preview_html(preview), "name": "" if preview.refusal else name}

    def own_keep(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Make a task of the data of that name; a file that was sent is not needed any more then."""
        name = str(payload.get("name") or "")
        task = self.bench.own_data.keep(name)
        if (own := own_path(name)) is not None:
            self.uploads.discard(Path(own.path))
        return {"task": task}

    def own_upload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Take a piece of a file; the first one, without ``upload``, gets its id. ``path``: where the file lies."""
        if self.bench.settings.read_only:
            raise StateConflict(GALLERY_WORDS)
        upload = str(payload.get("upload") or "") or self.uploads.begin(str(payload.get("file") or ""))
        try:
            data = base64.b64decode(str(payload.get("data") or ""), validate=True)
        except (binascii.Error, ValueError):
            raise RecipeError("A piece of the file came damaged. Send the file again.") from None
        self.bench.limits.send(len(data))
        return {"upload": upload, "path": str(self.uploads.add(upload, whole(payload, "at"), data))}

    @staticmethod
    def _with_choices(name: str, chosen: Any) -> str:
        own = own_path(name)
        if own is None or own.kind == CORPUS or not isinstance(chosen, Mapping):
            return name
        turned = {key: str(chosen[key]) for key in CHOSEN if isinstance(chosen.get(key), str)}
        filled = {key: value for key, value in turned.items() if value or key == "split"}
        return str(own._replace(options={**own.options, **filled}))


def preview_html(preview: Preview) -> str:
    """How the data were read, columns to choose, classes by split, and every problem in words."""
    read = " · ".join(f"{what}: {value}" for what, value in preview.read)
    parts = [f'<p class="lead"><b translate="no">{escape(preview.title)}</b> · {WORDS[preview.kind]} · {escape(read)}</p>']
    if preview.columns:
        parts.append(_columns(preview))
    if preview.kind in SIDES:
        least, most, step = SIDES[preview.kind]
        kept = dict(preview.read).get("kept as", "").partition(" ")[0]
        parts.append(
            f'<label class="field"><span>Side in pixels, {least} to {most}</span><input type="number" id="own-size" '
            f'data-own="size" min="{least}" max="{most}" step="{step}" value="{escape(kept)}"></label>'
        )
    if preview.refusal:
        parts.append(f'<div class="fail" role="alert">{escape(preview.refusal)}</div>')
    if preview.classes:
        parts.append(_classes(preview))
    problems = [note.text for note in preview.notes if note.level == "problem"]
    parts += [f'<div class="note">{escape(text)}</div>' for text in problems]
    rest = [note.text for note in preview.notes if note.level == "note"]
    parts += [f'<p class="fact">{escape(text)}</p>' for text in (*rest, preview.limits) if text]
    return "".join(parts)


def _columns(preview: Preview) -> str:
    names = [column.name for column in preview.columns]
    fields = "".join(
        f'<label class="field"><span>{title}</span><select id="own-{role}" data-own="{role}">'
        f"{options([('', none), *((name, name) for name in names)], preview.chosen.get(role, ''))}</select></label>"
        for role, (title, none) in ((role, ROLES[role]) for role in preview.roles)
    )
    rows = (
        (column.name, column.holds, " · ".join(value if len(value) <= 60 else f"{value[:58]} …" for value in column.values))
        for column in preview.columns
    )
    return (
        f'<div class="own-columns">{fields}</div>{_table(("Column", "Holds", "First values"), rows, "table words", own=(0, 2))}'
    )


def _classes(preview: Preview) -> str:
    listed = list(preview.classes.items())
    head = f"Class ({len(listed):,})" if len(listed) > 1 else "Examples"
    rows = [(label, *(f"{counts.get(split, 0):,}" for split in SPLITS)) for label, counts in listed[:SHOWN_CLASSES]]
    if len(listed) > SHOWN_CLASSES:
        rows.append((f"… {len(listed) - SHOWN_CLASSES:,} more", "", "", ""))
    if len(listed) > 1:
        rows.append(("Images" if preview.examples else "All", *(f"{preview.splits[split]:,}" for split in SPLITS)))
    return _table((head, *(split.capitalize() for split in SPLITS)), rows)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "table", own: Collection[int] = ()) -> str:
    """``own``: columns that hold a person's own words, which are not translated."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(_cell(cell, at in own) for at, cell in enumerate(row))}</tr>" for row in rows)
    table = f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="own-table" tabindex="0">{table}</div>'


def _cell(text: str, own: bool) -> str:
    kind = ' translate="no"' if own else ""
    return f"<td{kind}>{escape(text)}</td>"
