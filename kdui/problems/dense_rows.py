"""Rows whose logits are in memory: those of classifiers."""

from collections.abc import Callable

import torch

from kdui.core.rows import OtherRows, RowBatch, RowLosses


class DenseRows:
    """Logits [m, choices] with their targets [m] (none where another model is only to be matched), all in one chunk."""

    def __init__(self, logits: torch.Tensor, target: torch.Tensor | None = None, example: torch.Tensor | None = None):
        """``example`` [m], ascending: which example of the batch each row belongs to; None where row i is example i's."""
        self._batch = RowBatch(logits, target if target is not None else torch.empty(0, dtype=torch.int64), None, example)
        self.count, self.choices = len(logits), logits.shape[-1]

    @property
    def examples(self) -> torch.Tensor:
        """The example of the batch that each row belongs to."""
        return torch.arange(self.count) if self._batch.example is None else self._batch.example

    def mean(self, losses: Callable[..., RowLosses], *others: OtherRows) -> dict[str, torch.Tensor]:
        """See ``core.rows.Rows``."""
        return dict(losses(self._batch, *(teacher.part(0, self.count) for teacher in others)))

    def part(self, start: int, stop: int) -> torch.Tensor:
        """Logits of these rows."""
        logits = self._batch.logits
        return logits if (start, stop) == (0, len(logits)) else logits[start:stop]
