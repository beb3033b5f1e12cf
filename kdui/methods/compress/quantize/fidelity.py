"""A quantized graph's outputs on validation data compared with those of its float original."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.layout import read_inputs
from kdui.core.numbers import THIN
from kdui.core.padding import MASK, mask_of
from kdui.methods.compress.sensitivity.probe import mean_divergence
from kdui.problems import problem_of
from kdui.problems.judging import Judging, judged
from kdui.runtime.sessions import graph_batches, graph_outputs
from kdui.training.context import StepContext

VALIDATION_EXAMPLES = 2000
VALIDATION_TEXTS = 100  # of which every token counts
PARITY_EXAMPLES = 64
FEW = 8


class Fidelity:
    """Keeps the float graph's outputs, so that several candidates cost one pass each."""

    def __init__(self, context: StepContext, source: Path):
        self.context, self.source = context, source
        self._inputs = read_inputs(source.parent)
        self._problem = problem_of(context.facts)

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        return self.context.data.prepared("validation", self._inputs, self.source.parent, self._limit)

    @property
    def _limit(self) -> int:
        return VALIDATION_TEXTS if self._problem.ragged else VALIDATION_EXAMPLES

    @cached_property
    def _float(self) -> Judging:
        return self._judged(self.source)

    def _judged(self, path: Path) -> Judging:
        size, targets = self._problem.graph_batch, self.context.data.targets("validation")[: self._limit]
        batches = graph_batches(path, self._arrays, size, check=lambda done: self.context.report.check())
        return judged(self._problem, targets, batches, keep_rows=True)

    def training(self, examples: int) -> dict[str, np.ndarray]:
        """Calibration arrays: the first training examples."""
        return self.context.data.prepared("train", self._inputs, self.source.parent, examples)

    def one(self) -> dict[str, np.ndarray]:
        """One validation example, for timing."""
        return {name: array[:1] for name, array in self._arrays.items()}

    def few(self) -> dict[str, np.ndarray]:
        """Some validation examples, texts of several lengths among them, for a quick look at whether the outputs of two graphs
        agree."""
        return {name: array[:FEW] for name, array in self._arrays.items()}

    def of(self, path: Path) -> dict[str, Any]:
        """The headline of both graphs in its unit, and the mean KL divergence of the quantized one in nats."""
        targets, quantized = self.context.data.targets("validation")[: self._limit], self._judged(path)
        return {
            "float": self._problem.watch(self._float.values, targets),
            "quantized": self._problem.watch(quantized.values, targets),
            "kl": mean_divergence(self._float.rows, quantized.rows),
            "examples": len(targets),
        }

    def difference(self, path: Path, reference_path: Path) -> float:
        """Largest difference of an output between two graphs, as a share of the largest output."""
        count = FEW if self._problem.ragged else PARITY_EXAMPLES
        sample = {name: array[:count] for name, array in self._arrays.items()}
        outputs, reference = graph_outputs(path, sample, count), graph_outputs(reference_path, sample, count)
        if outputs.ndim == 3:  # outputs at padding mean nothing
            real = sample[mask_of(self._problem.row_tokens, sample) or MASK][:, : outputs.shape[1]] == 1
            outputs, reference = outputs[real], reference[real]
        return float(np.abs(outputs - reference).max() / max(1.0, float(np.abs(reference).max())))

    def words(self, summary: dict[str, Any]) -> str:
        """For the log."""
        metric = self._problem.watched(self.context.facts.headline)
        return (
            f"{metric.title} on {summary['examples']:,} validation examples: {metric.format(summary['float'])} in "
            f"float, {metric.format(summary['quantized'])} quantized."
        ).replace(THIN, " ")
