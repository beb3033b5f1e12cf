"""Texts: token ids by the tokenizer.json that stands beside a model."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.core.layout import TOKENIZER

LONGEST = 100_000
_PAD_TOKENS = ("[PAD]", "<pad>", "<|padding|>", "<|endoftext|>", "</s>")

AXES = {"input_ids": ("batch", "length"), "attention_mask": ("batch", "length")}


def prepare(raw: Sequence[str], settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """``input_ids`` and ``attention_mask``, both int64 [n, length], cut at ``max_length`` tokens and padded to the longest.

    ``lowercase`` in the settings lowers the texts first, and with ``whole`` no text is cut. Raises KduiError when the tokenizer
    is missing, or where a text that must stay whole has more tokens.
    """
    limit, whole = int(settings["max_length"]), settings.get("whole", False)
    tokenizer = tokenizer_of(folder, limit)
    texts = list(raw) if whole else [_beginning(text, limit) for text in raw]
    if settings.get("lowercase"):
        texts = [text.lower() for text in texts]
    encoded = tokenizer.encode_batch(texts)
    if whole and (longer := [text for text, encoding in zip(texts, encoded, strict=True) if encoding.overflowing]):
        raise KduiError(
            f"{len(longer):,} of {len(texts):,} texts have more than {limit} tokens, which is all that this model reads, and "
            f"none may be cut; the first begins with '{longer[0][:40]}'. Shorten them."
        )
    length = max((len(encoding.ids) for encoding in encoded), default=0)
    ids = np.array([encoding.ids for encoding in encoded], dtype=np.int64).reshape(len(encoded), length)
    mask = np.array([encoding.attention_mask for encoding in encoded], dtype=np.int64).reshape(len(encoded), length)
    return {"input_ids": ids, "attention_mask": mask}


def blank(shape: Mapping[str, Any], batch: int) -> dict[str, np.ndarray]:
    """Token ids of full length, all of them real."""
    return {name: np.ones((batch, shape["max_length"]), dtype=np.int64) for name in AXES}


def shown(raw: Any) -> dict[str, Any]:
    """The text itself."""
    return {"text": str(raw), "image": None}


def parse(payload: Any, facts: TaskFacts) -> str:
    """What a person typed, without spaces around it, in lower case where the task's texts are; refuses an empty text."""
    text = payload.strip() if isinstance(payload, str) else ""
    if not text:
        raise KduiError("Type a sentence first, or pick one of the examples.")
    if len(text) > LONGEST:
        raise KduiError(f"This text has {len(text):,} characters; at most {LONGEST:,} are taken. Paste a shorter part of it.")
    return text.lower() if facts.input.get("lowercase") else text


def traits(train: Sequence[str], test: Sequence[str]) -> dict[str, np.ndarray]:
    """``novelty``: 1 − cosine to the nearest training text over weighted words (TF-IDF); ``length``: words."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # half a second that only this needs

    words = TfidfVectorizer(sublinear_tf=True)
    training_vectors = words.fit_transform(train)
    alike = (words.transform(test) @ training_vectors.T).max(axis=1).toarray().ravel()
    return {"novelty": 1 - alike, "length": np.array([len(text.split()) for text in test], dtype=np.float64)}


def notice(payload: Any, facts: TaskFacts) -> str:
    """A sentence for the page when a text is longer than the models will read, else an empty one.

    A word is at least one token, and two tokens mark start and end: with more words than that, the rest is certainly truncated.
    """
    words, limit = len(str(payload).split()), int(facts.input["max_length"]) - 2
    if words <= limit:
        return ""
    return f"This text has {words} words; the models read only its beginning, at most {limit} words."


def _beginning(text: str, words: int) -> str:
    """The first words of a text: a word is at least one token, so what follows could not be read, but would cost time."""
    place = 0
    for word in islice(re.finditer(r"\S+", text), words):
        place = word.end()
    return text[:place]


def tokenizer_of(folder: Path, max_length: int, cut: str = "longest_first") -> Tokenizer:
    """The folder's tokenizer, which pads to the longest and cuts at ``max_length`` tokens; ``cut``: which of a pair of texts.

    Raises KduiError where there is none, or none that can be read.
    """
    path = Path(folder) / TOKENIZER
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        raise KduiError(f"The model has no {TOKENIZER} in {folder}. Run its recipe again, or pick another model.") from None
    return _read_tokenizer(str(path), changed, max_length, cut)


@lru_cache(maxsize=16)
def _read_tokenizer(path: str, changed: int, max_length: int, cut: str) -> Tokenizer:
    """One tokenizer a file, its time of change and a truncation: it keeps that, so it must not be shared by two lengths."""
    try:
        tokenizer = Tokenizer.from_file(path)
    except Exception as error:  # the Rust side raises bare Exception
        raise KduiError(f"{path} cannot be read as a tokenizer. Run the recipe that made it again.") from error
    direction = (tokenizer.padding or {}).get("direction", "right")
    token, pad_id = padding_of(tokenizer)
    tokenizer.enable_truncation(max_length, strategy=cut)
    tokenizer.enable_padding(pad_id=pad_id, pad_token=token, direction=direction)
    return tokenizer


def padding_of(tokenizer: Tokenizer) -> tuple[str, int]:
    """The token that fills short texts up, and its id: the tokenizer's own, else a token that is usual for it."""
    padding = tokenizer.padding or {}
    token_ids = [(token, tokenizer.token_to_id(token)) for token in _PAD_TOKENS]
    token, pad_id = next(((token, token_id) for token, token_id in token_ids if token_id is not None), ("[PAD]", 0))
    return padding.get("pad_token", token), padding.get("pad_id", pad_id)
