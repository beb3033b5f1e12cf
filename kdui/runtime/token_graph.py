"""Next-token graphs of ONNX Runtime over a batch of texts, with a KV cache where the graph has one.

A graph takes ``input_ids`` [1, length] and gives ``logits`` [1, length, vocabulary]; ``attention_mask`` and ``position_ids``
are passed where it declares them. The cache goes by the names of ONNX Runtime GenAI: inputs ``past_key_values.*``, [1, heads,
past, width], and outputs ``present.*``.
"""

from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from kdui.core.errors import KduiError
from kdui.runtime.cache_inputs import IDS, LOGITS, MASK, PAST, POSITIONS, PRESENT, TYPES, empty_shape, is_past


class TokenGraph:
    """A next-token graph over a batch of texts of one length: ``run`` takes what comes next and the cache of what came before.

    Without a cache in the graph, what came before is computed again: then the cache is the tokens themselves.
    """

    def __init__(self, session: onnxruntime.InferenceSession):
        self._session = session
        inputs = {each.name: each for each in session.get_inputs()}
        self._inputs = set(inputs)
        self._past = {name: each for name, each in inputs.items() if is_past(name)}
        outputs = [each.name for each in session.get_outputs()]
        self._logits = LOGITS if LOGITS in outputs else outputs[0]
        strange = sorted(self._inputs - {IDS, MASK, POSITIONS} - set(self._past))
        if IDS not in inputs or strange or len(session.get_outputs()[outputs.index(self._logits)].shape) != 3:
            asks = f"it asks for {', '.join(strange)}" if strange else f"it has no {IDS}, or no {LOGITS} for each token"
            raise KduiError(f"This graph does not predict the next token ({asks}). Choose a language model.")
        length = inputs[IDS].shape[-1]
        self.most_tokens: int | None = length if isinstance(length, int) and not self._past else None
        self._presents = [PRESENT + name.removeprefix(PAST) for name in self._past]

    @property
    def has_cache(self) -> bool:
        return bool(self._past)

    def encoded(self, source: np.ndarray, mask: np.ndarray | None = None) -> "Cache":
        """The cache of no written tokens beside inputs [batch, length]; raises KduiError for a graph without an encoder."""
        raise KduiError("This graph has no encoder. Choose an encoder-decoder model.")

    def read(self, ids: np.ndarray) -> "Cache":
        """The cache after whole prompts [batch, length]."""
        return self.run(ids, self.start(len(ids)))[1]

    def start(self, batch: int = 1) -> "Cache":
        """The cache of no tokens."""
        values = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(empty_shape(each.shape, batch), TYPES[each.type]))
            for name, each in self._past.items()
        }
        return Cache(np.zeros((batch, 0), np.int64), values)

    def run(self, ids: np.ndarray, cache: "Cache") -> tuple[np.ndarray, "Cache"]:
        """Logits [batch, length, vocabulary] of the tokens ``ids`` [batch, length], and the cache with them."""
        known = np.concatenate([cache.tokens, ids], axis=1)
        given = ids if self._past else known
        batch, total = known.shape
        arrays = {
            IDS: given,
            MASK: np.ones((batch, total), np.int64),
            POSITIONS: np.tile(np.arange(total - given.shape[1], total, dtype=np.int64), (batch, 1)),
        }
        if not self._past:
            plain = self._session.run([self._logits], {name: arrays[name] for name in self._inputs})[0]
            return plain[:, -ids.shape[1] :], Cache(known, {})
        values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items() if name in self._inputs}
        outputs = self._session.run_with_ort_values([self._logits, *self._presents], {**values, **cache.values})
        # The values stay where they are: no copy between two steps.
        return outputs[0].numpy(), Cache(known, dict(zip(self._past, outputs[1:], strict=True)))


class Cache(NamedTuple):
    """All tokens so far [batch, length], and their keys and values."""

    tokens: np.ndarray
    values: dict[str, Any]
