"""Several compressions in one training, and the one that keeps what an earlier stage removed."""

import torch
from torch import nn

from kdui.training.compressing import Compression
from kdui.training.masks import apply_masks
from kdui.training.weights import prunable_weights


class Composed:
    """Compressions that act at the same time, those that wrap weights first; they are finished in the opposite order."""

    def __init__(self, *parts: Compression):
        self.parts = parts
        self.settled_at = max((part.settled_at for part in parts), default=0.0)

    def begin(self, module: nn.Module) -> None:
        for part in self.parts:
            part.begin(module)

    def after_step(self, progress: float) -> None:
        for part in self.parts:
            part.after_step(progress)

    def finish(self) -> None:
        for part in reversed(self.parts):
            part.finish()


class HeldZeros:
    """Weights that are zero when the training begins stay zero, so that a pruned model stays as sparse as it was."""

    settled_at = 0.0

    def __init__(self) -> None:
        self._masks: dict[str, torch.Tensor] = {}

    def begin(self, module: nn.Module) -> None:
        self._module = module
        self._masks = {name: weight.detach() != 0 for name, weight in prunable_weights(module).items()}

    def after_step(self, progress: float) -> None:
        apply_masks(prunable_weights(self._module), self._masks)

    def finish(self) -> None:
        self._masks = {}
