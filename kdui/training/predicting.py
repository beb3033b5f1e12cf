"""A model's outputs over a whole split: gathered, or handed on batch by batch."""

import contextlib
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.core.problem import Learning
from kdui.training.device import autocast
from kdui.training.device_dataset import ResidentData

VALUES = 1 << 21  # of inputs that are computed at once: large pictures take more room in between than small ones

Keep = Callable[[np.ndarray, np.ndarray], None]  # takes the indices [batch] of examples and their outputs [batch, ...], fp32


def predict(
    model: nn.Module,
    data: ResidentData,
    batch_size: int = 256,
    view: int | None = None,
    check: Callable[[float], None] | None = None,
    exact: bool = False,
    problem: Learning | None = None,
) -> np.ndarray:
    """Outputs [n, ...] in fp32 over a whole split, in the split's order; ``check(fraction)`` may raise to stop.

    With a ``problem``, what its scoring takes of them in their place.
    ``exact`` computes in fp32 where the hardware would multiply bf16 faster.
    """
    whole = Gathered(len(data), check)
    predict_each(model, data, whole, batch_size, view, exact, problem)
    if whole.outputs is None:
        raise StageFailed("There is no data to predict on.")
    return whole.outputs


def predict_each(
    model: nn.Module,
    data: ResidentData,
    keep: Keep,
    batch_size: int = 256,
    view: int | None = None,
    exact: bool = False,
    problem: Learning | None = None,
) -> None:
    """Hand the outputs of a whole split to ``keep`` batch by batch, so that no more than a batch of them lies in memory."""
    model.eval()
    with torch.inference_mode(), contextlib.nullcontext() if exact else autocast(data.device):
        size = batch_size if data.lengths is None else min(batch_size, 64)
        for index in data.in_order(min(size, max(8, VALUES // data.example_values))):
            inputs = data.inputs(index, view)
            if problem is None:
                outputs = model(**inputs)
            else:
                outputs = problem.summarize(problem.compute(model, inputs), data.targets[index.to(data.device)])
            keep(index.numpy(), outputs.float().cpu().numpy())


class Gathered:
    """Puts batches of outputs together to one array [n, ...] in fp32."""

    def __init__(self, count: int, check: Callable[[float], None] | None = None):
        self.outputs: np.ndarray | None = None
        self._count, self._check, self._done = count, check, 0

    def __call__(self, index: np.ndarray, rows: np.ndarray) -> None:
        """``rows`` [batch, ...] of the examples ``index`` [batch]."""
        if self.outputs is None:
            self.outputs = np.empty((self._count, *rows.shape[1:]), dtype=np.float32)
        self.outputs[index] = rows
        self._done += len(index)
        if self._check:
            self._check(self._done / self._count)
