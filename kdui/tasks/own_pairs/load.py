"""Takes a person's pairs of texts in: looks them over, divides them, and keeps them under the digest of their content."""

from typing import Any

import numpy as np

from kdui.core.answer_facts import WrittenText
from kdui.core.code_points import code_points
from kdui.core.contracts import Split
from kdui.core.errors import RecipeError
from kdui.core.own_names import HUB, OwnPath
from kdui.core.own_preview import Note
from kdui.settings import Settings
from kdui.tasks.examples import Examples, text_key
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.dividing import Labelled, divide_answers
from kdui.tasks.own_pairs.spec import TASK
from kdui.tasks.own_texts.columns import SPLIT, Role, called
from kdui.tasks.own_texts.files import MOST_BYTES, read_parts
from kdui.tasks.own_texts.records import records
from kdui.tasks.own_texts.tables import MOST_ROWS
from kdui.tasks.sentence_pairs import SentencePair, alike

OPTIONS = ("source", "target", "split", "encoding", "separator", "header")
OF_HUB = ("config", "revision")
ROLES = (
    SPLIT,
    Role("source", called("source", "src", "input", "from", "english", "en", "text", "document", "question", "prompt")),
    Role("target", called("target", "tgt", "output", "to", "translation", "summary", "answer", "german", "de", "spanish", "es")),
)
LONGEST = 240  # bytes of either side: no tokenizer here makes more tokens than bytes, and models take 256
TRIED = 4  # test sources that are offered in Compare
LIMITS = (
    f"Limits: {MOST_BYTES >> 20} MB, {MOST_ROWS:,} rows, {LONGEST} bytes in UTF-8 on either side (as many Latin letters), "
    f"because models take {TASK.input['max_length']} tokens."
)


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    known = (*OPTIONS, *OF_HUB) if own.path.startswith(HUB) else OPTIONS
    if unknown := sorted(set(own.options) - set(known)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of own pairs. There are {', '.join(known)}.")
    found = records(own, read_parts(own.path, own.options, settings), ROLES, LIMITS)
    if found.seen.refusal:
        return kept.Prepared(found.seen, {}, {})
    pairs, given, notes = [], [], list(found.seen.notes)
    for row in found.rows:
        pair = SentencePair("", *(" ".join(row.cells[side].split()) for side in ("source", "target")))
        if max(len(pair.source.encode()), len(pair.target.encode())) <= LONGEST:
            pairs.append(pair)
            given.append(row.split)
    if longer := len(found.rows) - len(pairs):
        text = f"Left out: {longer:,} pairs with more than {LONGEST} bytes on a side."
        notes.append(Note(level="problem", text=text))
    keys = [f"{text_key(pair.source) or pair.source}\t{text_key(pair.target) or pair.target}" for pair in pairs]
    groups = [str(place) for place in alike(pairs)]
    division = divide_answers(Labelled([""] * len(pairs), keys, groups, given), "pairs")
    counts = {split: len(part) for split, part in division.parts.items()}
    notes += [*division.notes]
    seen = found.seen.model_copy(update={"notes": tuple(notes), "classes": {"pairs": counts}, "refusal": division.refusal})
    if division.refusal:
        return kept.Prepared(seen, {}, {})
    splits: dict[Split, Examples] = {
        split: _examples([pairs[index] for index in _order(part, split)]) for split, part in sorted(division.parts.items())
    }
    return kept.Prepared(seen, _facts(seen, splits), splits)


def _order(part: np.ndarray, split: str) -> np.ndarray:
    """Training pairs in a mixed order, so that a part of them is of all the file."""
    return np.random.RandomState(len(part)).permutation(part) if split == "train" else part


def _examples(pairs: list[SentencePair]) -> Examples:
    return Examples([pair.source for pair in pairs], code_points([pair.target for pair in pairs]))


def _facts(seen: kept.Preview, splits: dict[Split, Examples]) -> dict[str, Any]:
    answer = WrittenText(given=seen.chosen["source"], written=seen.chosen["target"], verb="Write")
    facts = kept.answered_facts(seen, "Write the text that belongs to another one.", answer, TASK.input)
    return {**facts, "examples": list(dict.fromkeys(splits["test"].inputs))[:TRIED]}


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
