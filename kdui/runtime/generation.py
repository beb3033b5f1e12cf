"""Next-token models in ONNX Runtime, token by token, with a KV cache where the graph has one.

A graph takes ``input_ids`` [1, length] and gives ``logits`` [1, length, vocabulary]; ``attention_mask`` and ``position_ids``
are passed where it declares them. The cache goes by the names of ONNX Runtime GenAI: inputs ``past_key_values.*``, [1, heads,
past, width], and outputs ``present.*``. Measure and parity can use it as the page does, so it stands below both.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

from kdui.core.errors import KduiError
from kdui.core.sampling import Sampling
from kdui.problems.softmax import softmax
from kdui.runtime.sampling import distribution, draw

IDS, MASK, POSITIONS, LOGITS = "input_ids", "attention_mask", "position_ids", "logits"
PAST, PRESENT = "past_key_values", "present"
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Generated(NamedTuple):
    """One chosen token and the seconds that the model took for its logits; of the first one with the whole prompt.

    ``probability`` is the model's at temperature 1, ``reference`` and ``agrees`` another model's.
    """

    token: int
    seconds: float
    probability: float
    reference: float | None = None
    agrees: bool | None = None


class Decoder:
    """Holds the tokens fed so far, and the cache where the graph has one; else every step runs all of them again."""

    def __init__(self, session: onnxruntime.InferenceSession):
        self._session = session
        inputs = {each.name: each for each in session.get_inputs()}
        self._asked = set(inputs)
        self._past = {name: each for name, each in inputs.items() if name.startswith(f"{PAST}.")}
        outputs = [each.name for each in session.get_outputs()]
        self._logits = LOGITS if LOGITS in outputs else outputs[0]
        strange = sorted(self._asked - {IDS, MASK, POSITIONS} - set(self._past))
        if IDS not in inputs or strange or len(session.get_outputs()[outputs.index(self._logits)].shape) != 3:
            asks = f"it asks for {', '.join(strange)}" if strange else f"it has no {IDS}, or no {LOGITS} for each token"
            raise KduiError(f"This graph does not predict the next token ({asks}). Choose a language model.")
        length = inputs[IDS].shape[-1]
        self.most_tokens: int | None = length if isinstance(length, int) and not self._past else None
        self._presents = [PRESENT + name.removeprefix(PAST) for name in self._past]
        self._cache = {name: _empty(each) for name, each in self._past.items()}
        self.tokens: list[int] = []

    @property
    def has_cache(self) -> bool:
        return bool(self._past)

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        """Append tokens; their logits [tokens, vocabulary], where each row predicts the token after it."""
        self.tokens += tokens
        new_tokens = list(tokens) if self._past else self.tokens
        logits = self._run(new_tokens, len(self.tokens))
        return logits[0, -len(tokens) :]

    def _run(self, new_tokens: list[int], total: int) -> np.ndarray:
        arrays = {
            IDS: np.array([new_tokens], np.int64),
            MASK: np.ones((1, total), np.int64),
            POSITIONS: np.arange(total - len(new_tokens), total, dtype=np.int64)[None],
        }
        if not self._past:
            plain: np.ndarray = self._session.run([self._logits], {name: arrays[name] for name in self._asked})[0]
            return plain
        values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in arrays.items() if name in self._asked}
        outputs = self._session.run_with_ort_values([self._logits, *self._presents], {**values, **self._cache})
        self._cache = dict(zip(self._past, outputs[1:], strict=True))  # stays where it is: no copy between two steps
        logits: np.ndarray = outputs[0].numpy()
        return logits


def generate(
    decoder: Decoder,
    prompt: Sequence[int],
    sampling: Sampling,
    end_tokens: Collection[int] = (),
    reference: Decoder | None = None,
) -> Iterator[Generated]:
    """Tokens after the prompt, up to and with an end token, at most ``sampling.limit``.

    ``reference``: a fresh decoder of another model of the same vocabulary, fed the same tokens, whose probabilities are returned
    beside; or the same decoder, which then computes nothing twice.
    """
    random = np.random.default_rng(sampling.seed)
    fed = list(prompt)
    for _ in range(sampling.limit):
        started = time.perf_counter()
        logits = decoder.feed(fed)[-1]
        seconds = time.perf_counter() - started
        token = draw(distribution(logits, sampling), random)
        generated = Generated(token, seconds, float(softmax(logits)[token]))
        if reference is not None:
            theirs = logits if reference is decoder else reference.feed(fed)[-1]
            generated = generated._replace(reference=float(softmax(theirs)[token]), agrees=int(theirs.argmax()) == token)
        yield generated
        if token in end_tokens:
            return
        fed = [token]


def _empty(past: Any) -> onnxruntime.OrtValue:
    """A cache without tokens: of axes without a fixed size the first is the batch, which is 1, and the other the length."""
    shape = [size if isinstance(size, int) else int(axis == 0) for axis, size in enumerate(past.shape)]
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, TYPES[past.type]))
