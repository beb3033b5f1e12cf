"""Text that a graph writes token by token. Measure and parity can use it as the page does, so it stands below both."""

import time
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import onnxruntime

from kdui.core.sampling import Sampling
from kdui.problems.softmax import softmax
from kdui.runtime.encoded_tokens import token_graph
from kdui.runtime.sampling import distribution, draw

CHUNK = 256  # tokens of a prompt at once where there is a cache: logits of a whole one would take gigabytes


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
    """One text that grows: holds the tokens fed so far, with the cache where the graph has one.

    ``source``: the tokens of the input that an encoder-decoder answers.
    """

    def __init__(self, session: onnxruntime.InferenceSession, source: Sequence[int] | None = None):
        self._graph = token_graph(session)
        self._cache = self._graph.start() if source is None else self._graph.encoded(np.array([source], np.int64))
        self.most_tokens = self._graph.most_tokens

    @property
    def has_cache(self) -> bool:
        return self._graph.has_cache

    @property
    def tokens(self) -> list[int]:
        """All of the text so far."""
        so_far: list[int] = self._cache.tokens[0].tolist()
        return so_far

    def feed(self, tokens: Sequence[int]) -> np.ndarray:
        """Append tokens; their logits [tokens, vocabulary], where each row predicts the token after it."""
        logits, self._cache = self._graph.run(np.array([tokens], np.int64), self._cache)
        return logits[0]

    def last(self, tokens: Sequence[int]) -> np.ndarray:
        """Append tokens; the logits [vocabulary] after the last one. Where there is a cache, a long prompt goes in by pieces."""
        size = CHUNK if self.has_cache else len(tokens)
        for start in range(0, len(tokens), size):
            logits = self.feed(tokens[start : start + size])
        last_row: np.ndarray = logits[-1]
        return last_row


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
        logits = decoder.last(fed)
        seconds = time.perf_counter() - started
        token = draw(distribution(logits, sampling), random)
        generated = Generated(token, seconds, float(softmax(logits)[token]))
        if reference is not None:
            theirs = logits if reference is decoder else reference.last(fed)
            generated = generated._replace(reference=float(softmax(theirs)[token]), agrees=int(theirs.argmax()) == token)
        yield generated
        if token in end_tokens:
            return
        fed = [token]
