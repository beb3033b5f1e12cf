"""Rows whose logits are computed from states a chunk at a time: those of a language model, with its tens of thousands of choices.

All logits of a batch of tokens would take tokens × choices × 4 bytes, and their losses and gradients as much again. A chunk is
computed once forward and once more in the backward pass (Chen et al. 2016, Training deep nets with sublinear memory cost,
arXiv:1604.06174), so no more than one chunk is ever in memory.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from kdui.core.errors import StageFailed
from kdui.core.rows import OtherRows, RowBatch, RowLosses

CHUNK_VALUES = 1 << 23  # logits of a chunk: 32 MB in fp32


class HeadRows:
    """States [m, width], the layer that turns them into logits over ``choices``, and the targets [m]."""

    def __init__(self, states: torch.Tensor, head: nn.Module, choices: int, target: torch.Tensor, example: torch.Tensor):
        """``example`` [m]: the example of the batch that a row belongs to."""
        self._states, self._head, self._target, self._examples = states, head, target, example
        self.count, self.choices = len(states), choices

    @property
    def examples(self) -> torch.Tensor:
        """The example of the batch that each row belongs to."""
        return self._examples

    def mean(self, losses: Callable[..., RowLosses], *others: OtherRows) -> dict[str, torch.Tensor]:
        """See ``core.rows.Rows``; raises StageFailed for a batch without a row."""
        size = max(1, CHUNK_VALUES // self.choices)
        if not self.count:
            raise StageFailed("A batch holds no token to predict: every text needs one token at least after its first.")
        for teacher in others:
            if (teacher.count, teacher.choices) != (self.count, self.choices):
                raise StageFailed(
                    f"The teacher reads this batch as {teacher.count:,} tokens of {teacher.choices:,}, its student as "
                    f"{self.count:,} of {self.choices:,}: their tokenizers differ. Choose a student that takes its teacher's."
                )
        if self.count <= size:
            return dict(self._chunk(losses, others, 0, self.count, self._states))
        sums: dict[str, torch.Tensor] = {}
        for start in range(0, self.count, size):
            stop = min(start + size, self.count)
            states = self._states[start:stop]

            def again(states: torch.Tensor, start: int = start, stop: int = stop) -> RowLosses:
                return self._chunk(losses, others, start, stop, states)

            means = checkpoint(again, states, use_reentrant=False) if torch.is_grad_enabled() else again(states)
            for name, value in means.items():
                sums[name] = sums.get(name, 0.0) + value.float() * (stop - start)
        return {name: total / self.count for name, total in sums.items()}

    def part(self, start: int, stop: int) -> torch.Tensor:
        """Logits of these rows."""
        logits: torch.Tensor = self._head(self._states[start:stop])
        return logits

    def _chunk(
        self, losses: Callable[..., RowLosses], others: tuple[OtherRows, ...], start: int, stop: int, states: torch.Tensor
    ) -> RowLosses:
        rows = RowBatch(self._head(states), self._target[start:stop], None, self._examples[start:stop])
        return losses(rows, *(teacher.part(start, stop) for teacher in others))
