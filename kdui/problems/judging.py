"""A graph's outputs over a split, taken batch by batch: what scoring needs of each example, and rows to compare two graphs by."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from kdui.core.errors import StageFailed
from kdui.core.problem import Problem

Judge = Callable[[np.ndarray, Mapping[str, np.ndarray], np.ndarray], np.ndarray]
Batch = tuple[np.ndarray, np.ndarray, Mapping[str, np.ndarray]]


class Judging:
    """Takes batches in any order; two graphs that were given the same batches have their rows in the same order."""

    def __init__(self, problem: Problem, targets: np.ndarray, keep_rows: bool = False, judge: Judge | None = None):
        """``targets`` [n] of all examples that will come; with ``keep_rows`` also ``rows``, which may be large. ``judge``: in
        place of the problem's ``summarize_arrays``."""
        self._judge = judge or problem.summarize_arrays
        self._problem, self._targets, self._keep_rows = problem, targets, keep_rows
        self._values: np.ndarray | None = None
        self._rows: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, index: np.ndarray, outputs: np.ndarray, inputs: Mapping[str, np.ndarray]) -> None:
        """The first output of a graph for these examples [batch] and the inputs that it was given."""
        values = self._judge(outputs, inputs, self._targets[index])
        if self._values is None:
            self._values = np.empty((len(self._targets), *values.shape[1:]), dtype=np.float32)
        self._values[index] = values
        if self._keep_rows:
            self._rows.append((index, self._problem.distributions(outputs, inputs, self._targets[index])))

    @property
    def values(self) -> np.ndarray:
        """What scoring takes, [n, ...] in the order of the examples."""
        if self._values is None:
            raise StageFailed("There is no data to predict on.")
        return self._values

    @property
    def rows(self) -> np.ndarray:
        """Logits [k, choices] of distributions: in the order of the examples where each has one, else as the batches came."""
        joined = np.concatenate([rows for _, rows in self._rows])
        index = np.concatenate([index for index, _ in self._rows])
        if len(joined) != len(index):
            return joined
        ordered = np.empty_like(joined)
        ordered[index] = joined
        return ordered


def judged(
    problem: Problem, targets: np.ndarray, batches: Iterable[Batch], keep_rows: bool = False, judge: Judge | None = None
) -> Judging:
    """All of a split's batches (index, outputs, inputs) with their targets [n]."""
    judging = Judging(problem, targets, keep_rows, judge)
    for index, outputs, inputs in batches:
        judging.add(index, outputs, inputs)
    return judging
