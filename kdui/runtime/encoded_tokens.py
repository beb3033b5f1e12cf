"""Encoder-decoders over a batch of inputs: each is encoded once, then written about token by token with a KV cache."""

from typing import Any

import numpy as np
import onnxruntime

from kdui.core.errors import KduiError
from kdui.core.padding import DECODER_IDS
from kdui.runtime.cache_inputs import IDS, LOGITS, MASK, PAST, PRESENT, TYPES, empty_shape, is_past
from kdui.runtime.encoder_decoder import is_cross
from kdui.runtime.token_graph import Cache, TokenGraph

BEGIN = 0  # fed where only time counts: any token will do


def token_graph(session: Any) -> TokenGraph:
    """What generates with this graph of kdui's own, as its inputs tell."""
    names = {each.name for each in session.get_inputs()}
    return EncodedTokenGraph(session) if DECODER_IDS in names else TokenGraph(session)


class EncodedTokenGraph(TokenGraph):
    """A graph of both halves (see ``encoder_decoder``). Its cache also holds what the encoder gave, and the inputs' mask."""

    def __init__(self, session: Any):
        self._encoder, self._decoder = session.halves
        inputs = {each.name: each for each in self._decoder.get_inputs()}
        self._past = {name: each for name, each in inputs.items() if is_past(name)}
        self._presents = [PRESENT + name.removeprefix(PAST) for name in self._past]
        self._cross = [each.name for each in self._encoder.get_outputs() if is_cross(each.name)]
        self.most_tokens = None

    def start(self, batch: int = 1) -> Cache:
        """Nothing can be written without an input."""
        raise KduiError("This model writes for an input. Give it a text first.")

    def encoded(self, source: np.ndarray, mask: np.ndarray | None = None) -> Cache:
        """Inputs [batch, length], of which ``mask`` says what is no padding."""
        real = np.ones_like(source) if mask is None else mask
        cross = self._encoder.run_with_ort_values(self._cross, {IDS: _value(source), MASK: _value(real)})
        empty = {
            name: _value(np.zeros(empty_shape(each.shape, len(source)), TYPES[each.type])) for name, each in self._past.items()
        }
        return Cache(
            np.zeros((len(source), 0), np.int64), {**empty, **dict(zip(self._cross, cross, strict=True)), MASK: _value(real)}
        )

    def read(self, ids: np.ndarray) -> Cache:
        """The cache after inputs [batch, length] and the first token of the answers."""
        return self.run(np.full((len(ids), 1), BEGIN, np.int64), self.encoded(ids))[1]

    def run(self, ids: np.ndarray, cache: Cache) -> tuple[np.ndarray, Cache]:
        """Logits [batch, length, vocabulary] of tokens [batch, length] of the answers, and the cache with them."""
        outputs = self._decoder.run_with_ort_values([LOGITS, *self._presents], {DECODER_IDS: _value(ids), **cache.values})
        values = {**cache.values, **dict(zip(self._past, outputs[1:], strict=True))}
        return outputs[0].numpy(), Cache(np.concatenate([cache.tokens, ids], axis=1), values)


def _value(array: np.ndarray) -> Any:
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
