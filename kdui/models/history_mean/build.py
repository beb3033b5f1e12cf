"""The mean of a history's item vectors against the vectors of all items (FISM, Kabbur, Ning, Karypis 2013, KDD, section 4).

Both sides have a table of their own, as there: an item says something else where it was taken than where it is to be proposed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import TaskFacts
from kdui.models.histories import HashedEmbedding, history_inputs, mean_of, without_taken


class HistoryMean(nn.Module):
    """Histories [n, length] to scores [n, items]."""

    def __init__(self, items: int, embedding: int, buckets: int, dropout: float):
        super().__init__()
        rows = items + 1
        self.item_embedding = HashedEmbedding(rows, embedding, buckets) if buckets else nn.Embedding(rows, embedding)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(embedding, items)

    def forward(self, history: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        person = mean_of(self.item_embedding(history), attention_mask)
        return without_taken(self.head(self.dropout(person)), history)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """Two tables of ``embedding`` dimensions; the history's is hashed to ``buckets``, where there are any."""
    return HistoryMean(facts.outputs, options["embedding"], options["buckets"], options["dropout"])


inputs = history_inputs
