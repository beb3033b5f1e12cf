"""Takes a person's questions in: finds their answers in the passages, divides them by passage, and keeps them."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kdui.catalogue.reach import require_reach
from kdui.core.contracts import Split
from kdui.core.errors import RecipeError
from kdui.core.own_names import HUB, OwnPath
from kdui.core.own_preview import Note, Preview
from kdui.problems.spans.targets import HIDDEN, Answered, pack
from kdui.settings import Settings
from kdui.tasks.examples import Examples, text_key
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.by_class import counted
from kdui.tasks.own_data.dividing import LEAST_OF_SPLIT, Labelled, divide_answers
from kdui.tasks.own_spans.spec import TASK, WORDS
from kdui.tasks.own_texts.columns import SPLIT, Role, called
from kdui.tasks.own_texts.files import MOST_BYTES, read_parts
from kdui.tasks.own_texts.near import near_groups
from kdui.tasks.own_texts.records import records
from kdui.tasks.own_texts.tables import MOST_ROWS, decoded
from kdui.tasks.squad.load import words_between

OPTIONS = ("passage", "question", "answer", "start", "split", "encoding", "separator", "header")
OF_HUB = ("config", "revision")
ROLES = (
    SPLIT,
    Role("passage", called("passage", "context", "paragraph", "document", "text")),
    Role("question", called("question", "query")),
    Role("answer", called("answer", "answers", "answer_text", "span")),
    Role("start", called("start", "answer_start"), needed=False),
)
MOST_ANSWERS = 10  # true answers of a question that are kept
LONGEST = 20_000  # characters of a passage that are kept: far more than any model here reads
LIMITS = (
    f"Limits: {MOST_BYTES >> 20} MB, {MOST_ROWS:,} questions with an answer that stands in its passage. Models read the first "
    f"{WORDS} words or tokens of question and passage. Without its start, an answer that stands there twice is only tested."
)


class Asked(NamedTuple):
    """A question with its passage, its true answers, and the split that the data themselves say.

    ``place``: first and last word of the answer to learn from; ``HIDDEN`` where nothing says which of two places is meant.
    """

    question: str
    passage: str
    answers: tuple[str, ...]
    place: tuple[int, int]
    split: str


class Raw(NamedTuple):
    """The same as the files have it; ``starts``: the character that each answer begins with, −1 where none is said."""

    question: str
    passage: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    split: str = ""


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    known = (*OPTIONS, *OF_HUB) if own.path.startswith(HUB) else OPTIONS
    if unknown := sorted(set(own.options) - set(known)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of own questions. There are {', '.join(known)}.")
    squad = _squad_of(own, settings)
    if squad is not None:
        title = own.path.rstrip("/").rpartition("/")[2]
        raw, seen = list(_questions(squad, title)), Preview(kind=own.kind, title=title, limits=LIMITS)
        seen = seen.model_copy(update={"read": (("file", "SQuAD's form"), ("questions", f"{len(raw):,}"))})
    else:
        found = records(own, read_parts(own.path, own.options, settings), ROLES, LIMITS)
        seen = found.seen
        if seen.refusal:
            return kept.Prepared(seen, {}, {})
        raw = [
            Raw(
                row.cells["question"],
                row.cells["passage"],
                (row.cells["answer"],),
                (_start(row.cells.get("start", "")),),
                row.split,
            )
            for row in found.rows
        ]
    return _divided(seen, *_asked(raw))


def _squad_of(own: OwnPath, settings: Settings) -> dict[str, Any] | None:
    """What a JSON file in SQuAD's form holds; None for any other file, whoever reads it then."""
    path = Path(own.path).expanduser()
    require_reach("" if own.path.startswith(HUB) else own.path, settings)
    if own.path.startswith(HUB) or path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"{path} cannot be read ({error.strerror or error}). Check its permissions.") from error
    if len(data) > MOST_BYTES:
        raise RecipeError(f"{path.name} has more than {MOST_BYTES >> 20} MB. Name a part of it.")
    text, _, _ = decoded(path.name, data, own.options.get("encoding"))
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):  # perhaps one object a line, which the reader of tables takes
        return None
    return whole if isinstance(whole, dict) and isinstance(whole.get("data"), list) else None


def _questions(whole: dict[str, Any], name: str) -> Iterator[Raw]:
    """Every question of a file in SQuAD's form (1.1 or 2.0); those that say that they have no answer come without one."""
    try:
        for article in whole["data"]:
            for paragraph in article["paragraphs"]:
                passage = str(paragraph["context"])
                for asked in paragraph["qas"]:
                    answers = [(str(each["text"]), int(each.get("answer_start", -1))) for each in asked.get("answers") or []]
                    texts, starts = tuple(text for text, _ in answers), tuple(start for _, start in answers)
                    yield Raw(str(asked["question"]), passage, texts, starts)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RecipeError(
            f"{name} is not in SQuAD's form ({type(error).__name__}: {error}). It is: data, a list of paragraphs each, with "
            "context and qas; those with question and answers, each with text and answer_start."
        ) from None


def _start(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1


def _asked(raw: Sequence[Raw]) -> tuple[list[Asked], list[Note]]:
    """Questions whose answers stand in their passages, one for each question and passage; the others counted in words."""
    joined: dict[tuple[str, str], Asked] = {}
    left = Counter[str]()
    for each in raw:
        if not any(text.strip() for text in each.answers):
            left["questions without an answer"] += 1
            continue
        passage = " ".join(each.passage[:LONGEST].split())
        answers = tuple(dict.fromkeys(" ".join(text.split()) for text in each.answers if text.strip()))
        there = tuple(answer for answer in answers if answer in passage)[:MOST_ANSWERS]
        if not there:
            left["questions whose answer does not stand in their passage"] += 1
            continue
        question = " ".join(each.question.split())
        known = joined.get((text_key(question) or question, passage))
        if known is None:
            asked = Asked(question, passage, there, _place(each), each.split)
        else:
            both = tuple(dict.fromkeys((*known.answers, *there)))[:MOST_ANSWERS]
            asked = known._replace(answers=both)
            left["rows that ask the same again: their answers count as further true ones"] += 1
        joined[text_key(question) or question, passage] = asked
    return list(joined.values()), counted(left)


def _place(each: Raw) -> tuple[int, int]:
    """First and last word of the first answer: where it is said to stand, or at its only place."""
    passage, (answer, start) = each.passage[:LONGEST], next(zip(each.answers, each.starts, strict=True))
    if start < 0 or passage[start : start + len(answer)] != answer:
        start = passage.find(answer)
        if start < 0 or passage.find(answer, start + 1) >= 0:
            return HIDDEN, HIDDEN
    return words_between(passage, start, start + len(answer)) if answer.strip() else (HIDDEN, HIDDEN)


def _divided(seen: Preview, asked: Sequence[Asked], notes: Sequence[Note]) -> kept.Prepared:
    keys = [f"{text_key(each.question) or each.question}\t{each.passage}" for each in asked]
    passages = list(dict.fromkeys(each.passage for each in asked))
    group = dict(zip(passages, near_groups(passages), strict=True))
    data = Labelled([""] * len(asked), keys, [group[each.passage] for each in asked], [each.split for each in asked])
    division = divide_answers(data, "questions", "are on the passage of")
    parts = {
        split: part if split == "test" else np.array([index for index in part if _learned(asked[index])], dtype=np.int64)
        for split, part in division.parts.items()
    }
    unclear = sum(len(division.parts[split]) - len(parts[split]) for split in parts)
    told = [*seen.notes, *notes, *division.notes]
    if unclear:
        text = f"Left out: {unclear:,} questions to learn from whose answer stands twice, or behind the first {WORDS} words."
        told.append(Note(level="problem", text=text))
    counts = {split: len(part) for split, part in parts.items()}
    refusal = division.refusal or _too_few(parts)
    seen = seen.model_copy(update={"notes": tuple(told), "classes": {"questions": counts}, "refusal": refusal})
    if refusal:
        return kept.Prepared(seen, {}, {})
    splits = {split: _examples([asked[index] for index in part]) for split, part in sorted(parts.items())}
    return kept.Prepared(seen, kept.answered_facts(seen, "Answer with a piece of the passage.", TASK.answer, TASK.input), splits)


def _learned(each: Asked) -> bool:
    return each.place != (HIDDEN, HIDDEN) and each.place[1] < WORDS


def _too_few(parts: dict[Split, np.ndarray]) -> str:
    if all(len(part) >= LEAST_OF_SPLIT[split] for split, part in parts.items()):
        return ""
    return (
        f"Only {len(parts['train']):,} training and {len(parts['validation']):,} validation questions have an answer whose "
        "place is known. Add a column with the character that each answer begins with: start=NAME."
    )


def _examples(asked: Sequence[Asked]) -> Examples:
    """Pairs of question and passage with their targets."""
    answered = []
    for each in asked:
        first, last = each.place if _learned(each) else (HIDDEN, HIDDEN)
        answered.append(Answered(each.passage, each.answers, first, last))
    return Examples([(each.question, each.passage) for each in asked], pack(answered, WORDS))


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
