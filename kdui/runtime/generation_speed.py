"""How fast language models generate: prompts computed at once (prefill), then token by token (decode), in turn with a baseline.

``measure_generation`` asks a process of its own with pinned threads; ``timed_generation`` is what that process runs. The tokens
that are fed are fixed, so that a model's choice of words decides nothing, and choosing them is not part of the time.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.plain import Frozen
from kdui.runtime.encoded_tokens import token_graph
from kdui.runtime.sessions import open_session
from kdui.runtime.timing import noise, quantile_interval, ratio_interval, take_turns
from kdui.runtime.token_graph import TokenGraph

RUNS, LEAST_RUNS = 40, 3  # readings at one setting; a slow model gets fewer
LONGEST_SECONDS, TURN_SECONDS = 2.0, 0.4  # of both models together
Rate = tuple[float, float, float]


class Prompt(Frozen):
    """A setting: how many texts at once, of how many tokens."""

    batch: int
    length: int

    @property
    def name(self) -> str:
        """As it stands in a metric's name: batch4.tokens64."""
        return f"batch{self.batch}.tokens{self.length}"


class Readings(Frozen):
    """Milliseconds at one setting, the candidate's and the baseline's in turn: of a whole prompt, and of a step of every text."""

    prompt: Prompt
    prefill_ms: tuple[float, ...]
    baseline_prefill_ms: tuple[float, ...]
    decode_ms: tuple[float, ...]
    baseline_decode_ms: tuple[float, ...]

    @property
    def prefill(self) -> Rate:
        """Tokens of prompts a second, with the 95 % interval."""
        return _rate(self.prefill_ms, self.prompt.batch * self.prompt.length)

    @property
    def decode(self) -> Rate:
        """Tokens generated a second, of all texts together, with the 95 % interval."""
        return _rate(self.decode_ms, self.prompt.batch)

    @property
    def decode_speedup(self) -> Rate:
        """How many times as fast as the baseline it generates, with the 95 % paired interval."""
        count = min(len(self.decode_ms), len(self.baseline_decode_ms))
        mine, theirs = self.decode_ms[:count], self.baseline_decode_ms[:count]
        return float(np.median(theirs) / np.median(mine)), *ratio_interval(mine, theirs)

    @property
    def doubt(self) -> str:
        """Why a reader should not lean on these readings; empty where nothing speaks against them."""
        reason = noise(self.decode_ms)
        return f"noisy: {reason}" if reason else ""


class Generation(Frozen):
    """Readings at every setting, and whether both graphs keep a KV cache."""

    readings: tuple[Readings, ...]
    cached: bool
    baseline_cached: bool
    steps: int


def _rate(milliseconds: Sequence[float], tokens: int) -> Rate:
    low, high = quantile_interval(milliseconds, 0.5)
    return 1e3 * tokens / float(np.median(milliseconds)), 1e3 * tokens / high, 1e3 * tokens / low


def timed_generation(request: dict[str, Any], prompts: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """The answer of the process that times: ``prompts`` hold token ids [batch, length] as ``candidate`` and ``baseline``."""
    graphs = {name: token_graph(open_session(Path(request[name]), request["threads"])) for name in ("candidate", "baseline")}
    readings = []
    for prompt, given in ((Prompt(**each), prompts[f"prompt{at}"]) for at, each in enumerate(request["prompts"])):
        taken: dict[str, Any] = {"prompt": prompt}
        for kind, reader in (("prefill_ms", _prefill), ("decode_ms", _decode)):
            theirs, mine = take_turns(
                [reader(graphs[name], given[name], request["steps"]) for name in ("baseline", "candidate")],
                RUNS,
                longest=LONGEST_SECONDS,
                least=LEAST_RUNS,
                turn_seconds=TURN_SECONDS,
            )
            taken |= {kind: mine, f"baseline_{kind}": theirs}
        readings.append(Readings(**taken))
    return Generation(
        readings=tuple(readings),
        cached=graphs["candidate"].has_cache,
        baseline_cached=graphs["baseline"].has_cache,
        steps=request["steps"],
    ).model_dump()


def _prefill(graph: TokenGraph, ids: np.ndarray, steps: int) -> Callable[[], float]:
    """Ms of the prompts [batch, length] at once; of an encoder-decoder, of inputs and the first token of the answers."""

    def read() -> float:
        started = time.perf_counter()
        graph.read(ids)
        return 1e3 * (time.perf_counter() - started)

    return read


def _decode(graph: TokenGraph, ids: np.ndarray, steps: int) -> Callable[[], float]:
    """Ms of one step, the mean of ``steps`` of them that follow the prompts."""
    after = graph.read(ids)
    following = [ids[:, at % ids.shape[1]][:, None] for at in range(steps)]

    def read() -> float:
        cache, started = after, time.perf_counter()
        for tokens in following:
            _, cache = graph.run(tokens, cache)
        return 1e3 * (time.perf_counter() - started) / steps

    return read
