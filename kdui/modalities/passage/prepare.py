"""Questions about passages: token ids of both, and where each word of the passage begins."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.modalities.passage.words import word_places
from kdui.modalities.text import prepare as text
from kdui.modalities.text.prepare import LONGEST, tokenizer_of

LONGEST_QUESTION = 60  # words: twice those of the longest question of SQuAD's development set

AXES = {"input_ids": ("batch", "length"), "attention_mask": ("batch", "length"), "words": ("batch", "length")}


def prepare(raw: Sequence[tuple[str, str]], settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """``input_ids``, ``attention_mask`` and ``words``, all int64 [n, length], padded to the longest.

    A passage is cut where both together would have more than ``max_length`` tokens. ``words[i]`` is the place of the first token
    of the passage's word ``i``, 0 (where no word is) for words that were cut off or have no token. Raises KduiError where a
    question alone leaves the passage no room.
    """
    limit = int(settings["max_length"])
    tokenizer = tokenizer_of(folder, limit, cut="only_second")
    try:
        encoded = tokenizer.encode_batch([(question, passage) for question, passage in raw])
    except Exception as error:  # the Rust side raises bare Exception
        raise KduiError(
            f"A question has so many tokens that none of the {limit} which the model reads are left for its passage. "
            "Ask a shorter question."
        ) from error
    length = max((len(encoding.ids) for encoding in encoded), default=0)
    ids = np.array([encoding.ids for encoding in encoded], dtype=np.int64).reshape(len(encoded), length)
    mask = np.array([encoding.attention_mask for encoding in encoded], dtype=np.int64).reshape(len(encoded), length)
    words = np.zeros_like(ids)
    for row, ((_, passage), encoding) in enumerate(zip(raw, encoded, strict=True)):
        numbers, places = _first_tokens(passage, encoding)
        words[row, numbers] = places
    return {"input_ids": ids, "attention_mask": mask, "words": words}


def _first_tokens(passage: str, encoding: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the passage's words that have tokens, and the place of the first token of each."""
    tokens = np.array([place for place, part in enumerate(encoding.sequence_ids) if part == 1], dtype=np.int64)
    begins = np.array([encoding.offsets[place][0] for place in tokens], dtype=np.int64)
    starts = np.array([start for start, _ in word_places(passage)], dtype=np.int64)
    if not len(tokens) or not len(starts):
        return np.array([], dtype=np.int64), np.array([], dtype=np.int64)
    numbers, firsts = np.unique(np.searchsorted(starts, begins, side="right") - 1, return_index=True)
    return numbers, tokens[firsts]


def blank(shape: Mapping[str, Any], batch: int) -> dict[str, np.ndarray]:
    """Token ids of full length, all of them real, each a word of its own."""
    length = shape["max_length"]
    ones = np.ones((batch, length), dtype=np.int64)
    return {"input_ids": ones, "attention_mask": ones, "words": np.tile(np.arange(length, dtype=np.int64), (batch, 1))}


def shown(raw: Any) -> dict[str, Any]:
    """The question as text, and the passage that it is about."""
    question, passage = raw
    return {"text": str(question), "image": None, "passage": str(passage)}


def parse(payload: Any, facts: TaskFacts) -> tuple[str, str]:
    """A question and a passage as typed, without spaces around them; refuses empty ones and questions that are too long."""
    pair = [each.strip() if isinstance(each, str) else "" for each in payload] if isinstance(payload, list | tuple) else []
    if len(pair) != 2:
        raise KduiError("Give a question and the passage that holds its answer, or pick one of the examples.")
    question, passage = pair
    if not passage:
        raise KduiError("Paste a passage first: the answer is looked for in it. Or pick one of the examples.")
    if not question:
        raise KduiError("Type a question about the passage, or pick one of the examples.")
    if len(passage) > LONGEST:
        raise KduiError(
            f"This passage has {len(passage):,} characters; at most {LONGEST:,} are taken. Paste a shorter part of it."
        )
    if (words := len(question.split())) > LONGEST_QUESTION or len(question) > 10 * LONGEST_QUESTION:
        raise KduiError(
            f"This question has {words:,} words and {len(question):,} characters; at most {LONGEST_QUESTION} words and "
            f"{10 * LONGEST_QUESTION} characters are taken, or no room is left for the passage. Ask a shorter question."
        )
    return question, passage


def opened(data: bytes) -> tuple[Any, Any]:
    """A JSON file's ``question`` and ``passage`` (or ``context``, as SQuAD calls it); raises KduiError for anything else."""
    try:
        values = json.loads(data)
        return values["question"], values["passage"] if "passage" in values else values["context"]
    except (ValueError, LookupError, TypeError):
        raise KduiError(
            'This file holds no question about a passage. Give a JSON file like {"question": "Who …?", "passage": "…"}.'
        ) from None


def traits(train: Sequence[tuple[str, str]], test: Sequence[tuple[str, str]]) -> dict[str, np.ndarray]:
    """``novelty`` of the question among the training questions; ``length``: words of the passage."""
    novelty = text.traits([question for question, _ in train], [question for question, _ in test])["novelty"]
    return {"novelty": novelty, "length": np.array([len(passage.split()) for _, passage in test], dtype=np.float64)}


def notice(payload: Any, facts: TaskFacts) -> str:
    """A sentence for the page when a passage is longer than the models will read, else an empty one."""
    question, passage = parse(payload, facts)
    words, limit = len(passage.split()), int(facts.input["max_length"]) - 3 - len(question.split())
    if words <= limit:
        return ""
    return f"This passage has {words} words; the models read at most the first {limit}, so an answer behind them is missed."
