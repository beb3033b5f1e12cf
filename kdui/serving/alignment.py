"""Which words of an input a decoder looks at while it writes each word: its attention, read off the exported graph.

A layer's weights are averaged over its heads; of all layers the last but one follows translations best (Garg et al. 2019,
arXiv:1909.02074, who average it so). Tokens of one word are put together: their shares of the input are added up, and those of
the written tokens averaged. The row of a token is that of the step in which it is written. Attention says where a model looks,
and not why it writes what it writes (Jain and Wallace 2019, arXiv:1902.10186).
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from kdui.core.errors import KduiError
from kdui.core.layout import MODEL_FILE, TOKENIZER
from kdui.core.padding import DECODER_IDS, MASK
from kdui.problems.seq2seq.decoder_tokens import ends_of
from kdui.runtime.cache_inputs import IDS
from kdui.runtime.encoder_decoder import attention_of
from kdui.runtime.sessions import open_session
from kdui.serving.open_models import OpenModel

MOST_WORDS = 60  # of either text that a person can look over
WORD = re.compile(r"\S+")


def alignment(model: OpenModel, source: str, written: str) -> dict[str, Any]:
    """``source`` and ``written``: the words of both texts; ``layers``: of each layer of the decoder the shares [written][source]
    that each written word gives to those of the input; what it gives to the end of the input is left over.

    Raises KduiError where a text is empty or too long, or the file gives no weights.
    """
    tokenizer = Tokenizer.from_file(str(model.folder / TOKENIZER))
    tokenizer.no_truncation()
    sides = [[match.span() for match in WORD.finditer(text)] for text in (source, written)]
    if not all(sides) or any(len(words) > MOST_WORDS for words in sides):
        raise KduiError(f"Attention is shown between texts of 1 to {MOST_WORDS} words each. Translate a shorter sentence.")
    read, wrote = tokenizer.encode(source), tokenizer.encode(written, add_special_tokens=False)
    limit = int(model.inputs.settings["max_length"])
    if max(len(read.ids), len(wrote.ids) + 1) > limit:
        raise KduiError(f"One of the texts has more than {limit:,} tokens, which is all that this model takes.")
    weights = _weights(model, read.ids, [ends_of(tokenizer).begin, *wrote.ids])
    into, out = _membership(read.offsets, sides[0]), _membership(wrote.offsets, sides[1])
    rows = out.T / np.maximum(out.sum(0), 1)[:, None]
    layers = [rows @ layer[: len(wrote.ids)] @ into for layer in weights]
    texts = [[text[start:end] for start, end in words] for text, words in zip((source, written), sides, strict=True)]
    return {"source": texts[0], "written": texts[1], "layers": [np.round(layer, 4).tolist() for layer in layers]}


def _weights(model: OpenModel, source: Sequence[int], written: Sequence[int]) -> list[np.ndarray]:
    """Of each layer [written, length], averaged over its heads."""
    graph = attention_of(model.folder / MODEL_FILE)
    session = open_session(graph.SerializeToString(), threads=1)
    ids, decoder_ids = np.array([source], np.int64), np.array([written], np.int64)
    arrays = {IDS: ids, MASK: np.ones_like(ids), DECODER_IDS: decoder_ids}
    names = [each.name for each in session.get_outputs()]
    return [layer[0].mean(0) for layer in session.run(names, arrays)]


def _membership(offsets: Sequence[tuple[int, int]], words: Sequence[tuple[int, int]]) -> np.ndarray:
    """[tokens, words]: 1 where a token's letters lie in a word; tokens that stand for no letter belong to none."""
    return np.array([[float(start < last and first < end) for first, last in words] for start, end in offsets])
