"""How much must go so that MACs or latency fall to a share: bisection over one number, the strength of the cut."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.core.words import percent
from kdui.methods.deliver.export.to_onnx import write_onnx
from kdui.methods.deliver.measure.samples import typical
from kdui.modalities import modality_of
from kdui.models.size import count_macs
from kdui.runtime.latency import measure_latency
from kdui.training.context import StepContext

Cut = Callable[[nn.Module, float], None]  # removes parts in place; strength 0 removes nothing, 1 as much as can be
Cost = Callable[[nn.Module], float]  # share of what the original costs
MACS_TRIALS, LATENCY_TRIALS = 10, 5
LATENCY_RUNS = 60
TIMED_TOKENS = 64


def strength_for(module: nn.Module, cut: Cut, cost: Cost, keep: float, trials: int) -> tuple[float, float]:
    """The lowest strength among those tried whose cost is at most ``keep``, and that cost. Strength 0 where nothing need go.

    Works on copies. Raises StageFailed where even the strongest cut costs more.
    """
    now = cost(module)
    if now <= keep:
        return 0.0, now
    low, high, reached = 0.0, 1.0, _cost_at(module, cut, cost, 1.0)
    if reached > keep:
        raise StageFailed(
            f"Even the strongest cut leaves {reached:.0%} of the cost, but at most {keep:.0%} may be left. "
            "Raise 'keep', or allow more kinds of parts to be removed."
        )
    for _ in range(trials):
        middle = 0.5 * (low + high)
        remaining = _cost_at(module, cut, cost, middle)
        if remaining <= keep:
            high, reached = middle, remaining
        else:
            low = middle
    return high, reached


def _cost_at(module: nn.Module, cut: Cut, cost: Cost, strength: float) -> float:
    trial = copy.deepcopy(module)
    for mine, theirs in zip(trial.parameters(), module.parameters(), strict=True):
        mine.grad = theirs.grad  # some criteria read it, and a copy has none
    cut(trial, strength)
    return cost(trial)


def macs_share(original: int, example: Mapping[str, torch.Tensor]) -> Cost:
    """MACs of one example against the original's."""
    first_example = {name: tensor[:1] for name, tensor in example.items()}
    return lambda module: count_macs(module, first_example) / original


class LatencyShare:
    """Latency of the exported graph against the original's, both answering in turn in one process on this machine."""

    def __init__(self, context: StepContext, module: nn.Module, sample: dict[str, np.ndarray], folder: Path):
        """``folder`` takes the graphs; the original is exported now, so ``module`` must still be whole."""
        self._context, self._folder = context, folder
        self._pair = {name: np.concatenate([array[:1]] * 2) for name, array in sample.items()}
        self._one = {name: array[:1] for name, array in sample.items()}
        self._original = self._write(module, "original.onnx")

    def __call__(self, module: nn.Module) -> float:
        self._context.report.check()
        candidate = self._write(module, "candidate.onnx")
        timing = measure_latency(candidate, self._original, self._one, runs=LATENCY_RUNS)
        share = timing.median / float(np.median(timing.baseline_ms))
        self._context.report.log(f"{timing.median:.3f} ms, {percent(share)} of the original.")
        return share

    def _write(self, module: nn.Module, name: str) -> Path:
        axes = modality_of(self._context.facts.modality).AXES
        # Evaluation mode and the CPU: what is measured is what is delivered.
        write_onnx(copy.deepcopy(module).to("cpu").eval(), self._pair, axes, OPSET, self._folder / name)
        return self._folder / name


OPSET = 20


def timed_arrays(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The first example; a text is repeated or cut to as many tokens as Measure times, none of them padding."""
    if "attention_mask" not in arrays:
        return {name: array[:1] for name, array in arrays.items()}
    if len(arrays) > 2:
        return typical(arrays, 1)
    tokens = arrays["input_ids"][0][arrays["attention_mask"][0] == 1]
    length = min(TIMED_TOKENS, arrays["input_ids"].shape[1])
    return {
        "input_ids": np.resize(tokens, length)[None].astype(np.int64),
        "attention_mask": np.ones((1, length), np.int64),
    }
