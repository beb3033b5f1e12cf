"""The cells of a batch as rows, which carry the outputs of their boxes behind the logits of their classes."""

from collections.abc import Callable

import torch

from kdui.core.rows import OtherRows, RowBatch, RowLosses
from kdui.problems.detection.cells import SIDES


class CellRows:
    """Outputs [m, classes + 4]: losses read the logits of classes, another model's cells are handed on whole (``part``)."""

    def __init__(self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, example: torch.Tensor):
        """``target``, ``weight`` and ``example`` [m]: see ``RowBatch``."""
        self._outputs = outputs
        self._batch = RowBatch(outputs[:, :-SIDES], target, weight, example)
        self.count, self.choices = len(outputs), outputs.shape[-1] - SIDES

    @property
    def examples(self) -> torch.Tensor:
        """The example of the batch that each cell belongs to."""
        example = self._batch.example
        assert example is not None
        return example

    def mean(self, losses: Callable[..., RowLosses], *others: OtherRows) -> dict[str, torch.Tensor]:
        """See ``core.rows.Rows``."""
        return dict(losses(self._batch, *(other.part(0, self.count)[:, : self.choices] for other in others)))

    def part(self, start: int, stop: int) -> torch.Tensor:
        """Outputs of these cells, those of their boxes with them."""
        return self._outputs[start:stop]
