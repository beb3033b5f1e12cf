"""Takes a person's labelled texts in: looks them over, divides them, and keeps them under the digest of their content."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.core.errors import RecipeError
from kdui.core.own_names import HUB, OwnPath
from kdui.core.own_preview import SPLITS, Note, Preview
from kdui.settings import Settings
from kdui.tasks.examples import Examples, text_key
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.dividing import LONGEST_LABEL, MOST_CLASSES, Division, Labelled, divide
from kdui.tasks.own_texts import near
from kdui.tasks.own_texts.columns import TEXT_ROLES
from kdui.tasks.own_texts.files import MOST_BYTES, Part, read_parts
from kdui.tasks.own_texts.records import Record, records
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
    found = records(own, parts, TEXT_ROLES, LIMITS)
    if found.seen.refusal:
        return kept.Prepared(found.seen, {}, {})
    rows = _rows(found.rows)
    if refusal := _wrong_labels(rows):
        seen = found.seen.model_copy(update={"refusal": refusal, "notes": (*found.seen.notes, *rows.notes)})
        return kept.Prepared(seen, {}, {})
    return _divided(own, found.seen, rows)


def _rows(found: Sequence[Record]) -> Rows:
    """Texts up to their longest, and labels with single spaces."""
    texts = [record.cells["text"] for record in found]
    cut = sum(len(text) > LONGEST_TEXT for text in texts)
    labels = [" ".join(record.cells["label"].split()) for record in found]
    text = f"{cut:,} texts are kept up to their first {LONGEST_TEXT:,} characters."
    notes = [Note(level="note", text=text)] if cut else []
    return Rows([text[:LONGEST_TEXT] for text in texts], labels, [record.split for record in found], notes)


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


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
