"""Vocabulary trimming: a student keeps the word pieces that its task uses, and falls back to shorter ones for all others."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer, models

from kdui.core.errors import StageFailed

_SPECIAL = re.compile(r"\[(?!unused)[^\]\s]+\]|<[^>\s]+>")
_UNUSED = re.compile(r"\[unused\d+\]")


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer, and for each of its ids the row of the teacher's embedding table; ``rows`` None: the teacher's own ids."""

    tokenizer_json: str | None
    rows: torch.Tensor | None = None

    def of(self, table: torch.Tensor) -> torch.Tensor:
        """The rows of a table [teacher's vocabulary, width] that belong to this vocabulary, [vocabulary, width]."""
        return table if self.rows is None else table[self.rows]


def trimmed_vocabulary(tokenizer_json: str | None, texts: Sequence[str], size: int, max_length: int) -> Vocabulary:
    """The ``size`` tokens that count most for these texts, in the order of their ids: word pieces, or byte pairs and their parts.

    Always kept are special tokens and every piece of one character, so a word that lost its piece is cut into shorter ones and
    not into [UNK]; the rest goes by how often a piece occurs in the first ``max_length`` tokens of a text, and then by id. A text
    of which every token is kept is cut as before. Raises StageFailed for another kind of tokenizer, or where ``size`` has no room
    for what is always kept.
    """
    if not tokenizer_json:
        raise StageFailed("The teacher has no tokenizer, so its vocabulary cannot be trimmed. Set vocabulary to 0.")
    if size >= Tokenizer.from_str(tokenizer_json).get_vocab_size():
        return Vocabulary(tokenizer_json)
    pieces = _pieces(tokenizer_json)
    facts: dict[str, Any] = json.loads(pieces.to_str())
    token_ids = pieces.get_vocab(with_added_tokens=True)
    always = _always(facts, token_ids)
    if size < len(always):
        raise StageFailed(
            f"A vocabulary of {size:,} is too small: special tokens and single characters of the teacher's tokenizer alone are "
            f"{len(always):,}. Set vocabulary to at least that, or to 0 for the whole."
        )
    counts = _counts(pieces, texts, max_length)
    others = sorted(
        token_ids.keys() - always, key=lambda word: (-counts[token_ids[word]], bool(_UNUSED.fullmatch(word)), token_ids[word])
    )
    chosen = sorted(_filled(always, others, _parts(facts), size), key=token_ids.__getitem__)
    renumbered = {word: number for number, word in enumerate(chosen)}
    return Vocabulary(_renumbered(facts, renumbered), torch.tensor([token_ids[word] for word in chosen]))


def _pieces(tokenizer_json: str) -> Tokenizer:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    if not isinstance(tokenizer.model, (models.WordPiece, models.BPE)):
        raise StageFailed(
            f"The teacher's tokenizer is a {type(tokenizer.model).__name__}, and only word pieces (as BERT has them) and byte "
            "pairs can be trimmed: there a piece falls back to shorter ones. Set vocabulary to 0, or choose another teacher."
        )
    return tokenizer


def _always(facts: Mapping[str, Any], token_ids: Mapping[str, int]) -> set[str]:
    """Special tokens and pieces of one character, at a word's start and inside it."""
    prefix = facts["model"]["continuing_subword_prefix"] or ""
    named = {token["content"] for token in facts["added_tokens"]} | {facts["model"]["unk_token"]}
    if facts["padding"]:
        named.add(facts["padding"]["pad_token"])
    short = {word for word in token_ids if len(word.removeprefix(prefix)) == 1}
    return (named & token_ids.keys()) | short | {word for word in token_ids if _SPECIAL.fullmatch(word)}


def _merges(facts: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Pairs of pieces that become one; word pieces have none."""
    merges = facts["model"].get("merges", ())
    return [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in merges]


def _parts(facts: Mapping[str, Any]) -> dict[str, set[str]]:
    """All pieces that each byte pair is merged from: different rules may make the same one."""
    parts: dict[str, set[str]] = {}
    for pair in _merges(facts):
        parts.setdefault("".join(pair), set()).update(pair)
    return parts


def _filled(always: set[str], others: Iterable[str], parts: Mapping[str, set[str]], size: int) -> set[str]:
    """``always`` and as many of the others as there is room for, each with all that it is merged from."""
    chosen = set(always)
    for word in others:
        needed, open_words = set[str](), [word]
        while open_words:
            part = open_words.pop()
            if part not in chosen and part not in needed:
                needed.add(part)
                open_words += parts.get(part, ())
        if len(chosen) + len(needed) <= size:
            chosen |= needed
    return chosen


def _counts(tokenizer: Tokenizer, texts: Iterable[str], max_length: int) -> Counter[int]:
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    counts: Counter[int] = Counter()
    for encoded in tokenizer.encode_batch(list(texts)):
        counts.update(encoded.ids)
    return counts


def _renumbered(facts: dict[str, Any], ids: Mapping[str, int]) -> str:
    """The tokenizer with new ids, wherever it names one."""
    vocabulary = facts["model"]["vocab"]
    facts["model"]["vocab"] = {word: number for word, number in ids.items() if word in vocabulary}
    if "merges" in facts["model"]:
        facts["model"]["merges"] = [pair for pair in _merges(facts) if {*pair, "".join(pair)} <= ids.keys()]
    for token in facts["added_tokens"]:
        token["id"] = ids[token["content"]]
    if facts["padding"]:
        facts["padding"]["pad_id"] = ids[facts["padding"]["pad_token"]]
    for processor in _processors(facts["post_processor"]):
        for token in processor.get("special_tokens", {}).values():
            token["ids"] = [ids[word] for word in token["tokens"]]
        for key in ("sep", "cls"):
            if key in processor:
                processor[key] = [processor[key][0], ids[processor[key][0]]]
    return Tokenizer.from_str(json.dumps(facts)).to_str()


def _processors(processor: dict[str, Any] | None) -> list[dict[str, Any]]:
    if processor is None:
        return []
    return [item for part in processor.get("processors", []) for item in _processors(part)] or [processor]
