"""What models of histories have in common: tables of items, the mean over a history, and scores without what was taken before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.layout import ITEMS

TAKEN = -100.0  # the score of items in the history: far below any other, and exact in half precision


class HashedEmbedding(nn.Module):
    """A table as the product of two small ones, entry by entry: one row by the quotient of a number, one by its remainder.

    Every item still has a vector of its own (Shi et al. 2020, "Compositional embeddings using complementary partitions",
    arXiv:1909.02107, section 3).
    """

    def __init__(self, rows: int, width: int, buckets: int):
        super().__init__()
        self.buckets = buckets
        self.quotients = nn.Embedding(-(-rows // buckets), width)
        self.remainders = nn.Embedding(buckets, width)
        nn.init.normal_(self.quotients.weight, 1.0, 0.1)  # a product that begins as the remainder's row, and differs by item

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Numbers [...] to vectors [..., width]."""
        quotients = torch.div(numbers, self.buckets, rounding_mode="floor")
        return self.quotients(quotients) * self.remainders(numbers - quotients * self.buckets)


def mean_of(vectors: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The mean [n, width] of vectors [n, length, width] where the mask is 1; zeros for an empty history."""
    mask = attention_mask.unsqueeze(-1).to(vectors.dtype)
    return (vectors * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)


def without_taken(scores: torch.Tensor, history: torch.Tensor) -> torch.Tensor:
    """Scores [n, items] with ``TAKEN`` at the numbers (from 1; 0 is padding) in ``history`` [n, length]."""
    behind_padding = torch.cat([torch.zeros_like(scores[:, :1]), scores], dim=1)
    taken = torch.full_like(history, TAKEN, dtype=scores.dtype)
    return behind_padding.scatter(1, history, taken)[:, 1:]


def history_inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """The numbers of the task's items."""
    return InputSettings(
        modality="interactions",
        settings={"items": facts.input["items"], "longest": facts.input["longest"]},
        files=(ITEMS,),
    )
