"""Takes a person's labelled texts in: looks them over, divides them, and keeps them under the digest of their content."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.core.errors import RecipeError
from kdui.core.own_names import HUB, OwnPath
from kdui.core.own_preview import SPLIT_NAMES, SPLITS, Note, Preview
from kdui.settings import Settings
from kdui.tasks.examples import Examples, text_key
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.dividing import LONGEST_LABEL, MOST_CLASSES, Division, Labelled, divide
from kdui.tasks.own_texts import near
from kdui.tasks.own_texts.columns import Choice, choose, described_columns
from kdui.tasks.own_texts.files import MOST_BYTES, Part, read_parts
from kdui.tasks.own_texts.spec import TASK
from kdui.tasks.own_texts.tables import MOST_ROWS

OPTIONS = ("text", "label", "split", "encoding", "separator", "header", "length")
OF_HUB = ("config", "revision")
LENGTHS = (32, 64, 96, 128, 192, 256)  # tokens; the least that holds most texts is taken
LONGEST_TEXT = 20_000  # characters that are kept of a text: far more than any model here reads
SHORT, TRIED = 200, 4  # characters of a test text that is offered in Compare, and how many are
TOKENS_OF_WORD = 1.4  # about so many in English
LIMITS = (
    f"Limits: {MOST_BYTES // (1 << 20)} MB, {MOST_ROWS:,} rows, {MOST_CLASSES:,} classes, texts of one label each. Similar texts "
    f"are searched in the first {near.MOST:,}."
)


class Rows(NamedTuple):
    """Texts with their labels and the splits that the data themselves say; what was left out is in ``notes``."""

    texts: list[str]
    labels: list[str]
    given: list[str]
    notes: list[Note]


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    known = (*OPTIONS, *OF_HUB) if own.path.startswith(HUB) else OPTIONS
    if unknown := sorted(set(own.options) - set(known)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of own texts. There are {', '.join(known)}.")
    parts = read_parts(own.path, own.options, settings)
    return prepared(own, parts)


def prepared(own: OwnPath, parts: Sequence[Part]) -> kept.Prepared:
    """The same of tables that were read already."""
    columns = tuple(dict.fromkeys(column for part in parts for column in part.table.columns))
    cells = [_aligned(part, columns, row) for part in parts for row in part.table.rows]
    choice = choose(columns, cells, own.options)
    seen = Preview(
        kind=own.kind,
        title=own.path.rstrip("/").rpartition("/")[2],
        read=_read(parts, choice),
        columns=described_columns(columns, cells),
        chosen=choice.columns,
        notes=tuple(Note(level="problem", text=text) for part in parts for text in part.table.problems),
        limits=LIMITS,
        refusal=choice.refusal,
    )
    if choice.refusal:
        return kept.Prepared(seen, {}, {})
    rows = _rows(parts, columns, cells, choice)
    if refusal := _wrong_labels(rows):
        return kept.Prepared(seen.model_copy(update={"refusal": refusal, "notes": (*seen.notes, *rows.notes)}), {}, {})
    return _divided(own, seen, rows)


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


def _rows(parts: Sequence[Part], columns: Sequence[str], cells: Sequence[Sequence[str]], choice: Choice) -> Rows:
    """Rows with a text and a label; rows without either are counted and left out."""
    place = {role: columns.index(name) for role, name in choice.columns.items()}
    splits = [part.split for part in parts for _ in part.table.rows]
    rows, without, strange, cut = Rows([], [], [], []), Counter[str](), Counter[str](), 0
    for row, of_file in zip(cells, splits, strict=True):
        text, label = row[place["text"]].strip(), " ".join(row[place["label"]].split())
        said = row[place["split"]].strip().lower() if "split" in place else of_file
        if not text or not label:
            without["text" if not text else "label"] += 1
            continue
        if said and said not in SPLIT_NAMES:
            strange[said] += 1
            continue
        cut += len(text) > LONGEST_TEXT
        rows.texts.append(text[:LONGEST_TEXT])
        rows.labels.append(label)
        rows.given.append(SPLIT_NAMES.get(said, ""))
    for missing, count in without.items():
        rows.notes.append(Note(level="problem", text=f"Left out: {count:,} without a {missing}."))
    for said, count in strange.items():
        words = f"Left out: {count:,} of a split “{said[:40]}”. Splits are called train, validation and test."
        rows.notes.append(Note(level="problem", text=words))
    if cut:
        rows.notes.append(Note(level="note", text=f"{cut:,} texts are kept up to their first {LONGEST_TEXT:,} characters."))
    return rows


def _wrong_labels(rows: Rows) -> str:
    different = set(rows.labels)
    if not different:
        return "No row has both a text and a label. Choose other columns: text=NAME and label=NAME."
    if len(different) > MOST_CLASSES:
        count = f"{len(different):,} different values; at most {MOST_CLASSES:,} classes are taken"
        return f"The label column has {count}. Is it an id or a text? Choose another column: label=NAME."
    longest = max(different, key=len)
    if len(longest) > LONGEST_LABEL:
        return f"A label has {len(longest):,} characters, which is more like a text: “{longest[:40]} …”. Choose another column."
    return ""


def _divided(own: OwnPath, seen: Preview, rows: Rows) -> kept.Prepared:
    keys = [text_key(text) or text for text in rows.texts]
    groups = near.near_groups(rows.texts[: near.MOST]) + [f"+{place}" for place in range(near.MOST, len(rows.texts))]
    division = divide(Labelled(rows.labels, keys, groups, rows.given), "texts")
    length, words = _length(own, rows.texts)
    notes = (*seen.notes, *rows.notes, *division.notes, *_telling(rows, division), *words)
    labels = division.labels(rows.labels)
    counts = {label: {split: 0 for split in SPLITS} for label in labels}
    for split, part in division.parts.items():
        for index in part:
            counts[rows.labels[index]][split] += 1
    seen = seen.model_copy(update={"notes": notes, "classes": counts, "refusal": division.refusal})
    if division.refusal:
        return kept.Prepared(seen, {}, {})
    splits = _examples(rows, division, labels)
    return kept.Prepared(seen, _facts(seen, labels, splits, {"max_length": length}), splits)


def _examples(rows: Rows, division: Division, labels: Sequence[str]) -> dict[Split, Examples]:
    number = {label: place for place, label in enumerate(labels)}
    return {
        split: Examples(
            [rows.texts[index] for index in part], np.array([number[rows.labels[index]] for index in part], dtype=np.int64)
        )
        for split, part in sorted(division.parts.items())
    }


def _facts(seen: Preview, labels: Sequence[str], splits: Mapping[Split, Examples], shape: dict[str, Any]) -> dict[str, Any]:
    short = [text for text in splits["test"].inputs if len(text) <= SHORT]
    return {**kept.facts_of(seen, labels, splits), "input": shape, "examples": list(dict.fromkeys(short))[:TRIED]}


def _length(own: OwnPath, texts: Sequence[str]) -> tuple[int, list[Note]]:
    """Tokens that models read, chosen or by the texts, and in words what that cuts off."""
    given = own.options.get("length")
    if given is not None and not (given.isascii() and given.isdecimal() and 8 <= int(given) <= 512):
        raise RecipeError("length: a whole number of tokens from 8 to 512.")
    tokens = np.array([len(text.split()) for text in texts]) * TOKENS_OF_WORD + 2
    wanted = float(np.quantile(tokens, 0.95))
    length = int(given) if given is not None else next((each for each in LENGTHS if each >= wanted), LENGTHS[-1])
    longer = float((tokens > length).mean())
    said = f"Models read the first {length} tokens of a text (length={length})"
    said += f"; about {longer:.0%} of the texts are longer." if longer > 0.005 else ", which holds nearly all texts."
    return length, [Note(level="problem" if longer > 0.2 else "note", text=said)]


def _telling(rows: Rows, division: Division) -> list[Note]:
    """Labels that stand in their own texts, far more often than in others: a model could read them off."""
    told = []
    left = [index for part in division.parts.values() for index in part]
    texts = [rows.texts[index].lower() for index in left]
    for label in division.labels(rows.labels)[:50]:
        word = label.lower()
        if len(word) < 3:
            continue
        inside = [word in text for text in texts]
        own = [rows.labels[index] == label for index in left]
        hits = sum(there for there, mine in zip(inside, own, strict=True) if mine)
        others = sum(inside) - hits
        if hits >= 0.5 * sum(own) and others <= 0.05 * max(1, len(left) - sum(own)):
            told.append(label)
    if not told:
        return []
    shown = ", ".join(f"“{label}”" for label in told[:5])
    text = f"Leakage: most texts of {shown} hold their own label, and others do not: a model may read it off. Check your texts."
    return [Note(level="problem", text=text)]


# --- what was kept ------------------------------------------------------------------------------------------------------------


def preview(own: OwnPath, settings: Settings) -> Preview:
    """What is known before anything runs; raises RecipeError where nothing can be read at all."""
    return prepare(own, settings).preview


def keep(own: OwnPath, settings: Settings) -> str:
    """Read texts and keep them; returns the name of their task. Raises RecipeError in words where they cannot be used."""
    return kept.keep(own, prepare(own, settings), settings)


described = partial(kept.described, TASK)
kept_preview = kept.kept_preview
read_kept = partial(kept.read_kept, TASK)
all_kept = partial(kept.all_kept, TASK)
