"""Compressing a model while it is trained: the hook that pruning, and later quantization, hang on."""

from typing import Protocol

import torch
from torch import nn

from kdui.training.masks import apply_masks, magnitude_masks
from kdui.training.weights import prunable_weights


class Compression(Protocol):
    """What makes a model smaller step by step during its training.

    ``settled_at`` is the share of the training after which the model has its final size or precision: no earlier epoch is kept.
    """

    settled_at: float

    def begin(self, module: nn.Module) -> None:
        """Prepare the module in place before the optimizer is made."""

    def after_step(self, progress: float) -> None:
        """Called after each update with the share of the training that is done."""

    def finish(self) -> None:
        """Make the module one of its family again, with the best epoch's weights in it."""


class GradualPruning:
    """Magnitude pruning along a cubic course: s(t) = s · (1 − (1 − t)³) (Zhu and Gupta 2017, arXiv:1710.01878, equation 1).

    Weights are ranked against the root mean square of their own layer. What is zero stays the smallest, so a resumed training
    finds the same weights again. Between two cuts the masks hold.
    """

    def __init__(self, sparsity: float, settled_at: float = 0.75, every: int = 20):
        """``every``: updates between two cuts; ``sparsity`` and ``settled_at`` in [0, 1]."""
        self.sparsity, self.settled_at, self.every = sparsity, settled_at, every
        self._masks: dict[str, torch.Tensor] = {}
        self._steps = 0
        self._reached = -1.0

    def begin(self, module: nn.Module) -> None:
        self._module = module

    def after_step(self, progress: float) -> None:
        weights = prunable_weights(self._module)
        wanted = cubic_sparsity(self.sparsity, progress / self.settled_at if self.settled_at else 1.0)
        due = self._steps % self.every == 0 or wanted == self.sparsity
        self._steps += 1
        if due and wanted != self._reached:
            self._masks, self._reached = magnitude_masks(weights, wanted), wanted
        apply_masks(weights, self._masks)

    def finish(self) -> None:
        self._masks = {}


def cubic_sparsity(final: float, share: float) -> float:
    """Sparsity when ``share`` of the course is done; it starts at 0, rises fast, and ends gently."""
    return final * (1.0 - (1.0 - min(1.0, max(0.0, share))) ** 3)
