"""The tokens that a decoder reads of a reference (teacher forcing), by the pair template of the tokenizer beside a model."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Tokenizer

from kdui.core.errors import KduiError
from kdui.core.layout import TOKENIZER
from kdui.core.padding import DECODER_IDS, DECODER_MASK
from kdui.modalities.text.prepare import padding_of


class Ends(NamedTuple):
    """The token that a decoder begins with, and the one that ends what it writes."""

    begin: int
    end: int


def ends_of(tokenizer: Tokenizer) -> Ends:
    """Both tokens, as the template puts them around the second text of a pair; raises KduiError where it puts none there."""
    ids = _second(tokenizer.encode("", ""))
    if len(ids) != 2:
        raise KduiError("The tokenizer does not say how a decoder's text begins and ends. Choose an encoder-decoder model.")
    return Ends(*ids)


def room_for(length: int) -> int:
    """Tokens that an answer to so many may have before it is cut off: a model that does not end would write for ever."""
    return 2 * length + 16


def decoder_arrays(texts: Sequence[str], folder: Path, limit: int) -> dict[str, np.ndarray]:
    """``decoder_input_ids`` and ``decoder_attention_mask``, int64 [n, longest]: begin, the text's tokens, end, padding.

    Raises KduiError where a text has more than ``limit`` tokens: a decoder would be taught half a sentence.
    """
    path = Path(folder) / TOKENIZER
    tokenizer = _tokenizer_of(str(path), path.stat().st_mtime_ns)
    rows = [_second(encoding) for encoding in tokenizer.encode_batch([("", text) for text in texts])]
    if longer := [text for text, ids in zip(texts, rows, strict=True) if len(ids) > limit]:
        raise KduiError(
            f"{len(longer):,} of {len(texts):,} reference texts have more than {limit} tokens, which is all that this model "
            f"writes; the first begins with '{longer[0][:40]}'. Shorten them."
        )
    lengths = np.array([len(ids) for ids in rows], dtype=np.int64)
    mask = (np.arange(lengths.max(initial=1)) < lengths[:, None]).astype(np.int64)
    tokens = np.full(mask.shape, padding_of(tokenizer)[1], dtype=np.int64)
    tokens[mask == 1] = np.concatenate(rows) if rows else []
    return {DECODER_IDS: tokens, DECODER_MASK: mask}


def _second(encoding: Any) -> list[int]:
    """The tokens of the second text of a pair."""
    return [token for token, side in zip(encoding.ids, encoding.type_ids, strict=True) if side == 1]


@lru_cache(maxsize=16)
def _tokenizer_of(path: str, changed: int) -> Tokenizer:
    """One tokenizer a file and its time of change."""
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
