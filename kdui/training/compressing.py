"""Compressing a model while it is trained: the hook that pruning, and later quantization, hang on."""

from typing import Protocol

from torch import nn

from kdui.training.masks import magnitude_masks
from kdui.training.pruning import Pruning, cubic_schedule


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


class GradualPruning(Pruning):
    """Magnitude pruning with a cubic schedule (Zhu and Gupta 2017, arXiv:1710.01878, equation 1).

    Weights are ranked against the root mean square of their own layer. Between two cuts the masks hold.
    """

    def __init__(self, sparsity: float, settled_at: float = 0.75, every: int = 20):
        """``every``: updates between two cuts; ``sparsity`` and ``settled_at`` in [0, 1]."""
        super().__init__(magnitude_masks, cubic_schedule(sparsity, settled_at), settled_at, every)
