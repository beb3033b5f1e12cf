"""The same for everybody: items by how many people took them, without those that a person took before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import TaskFacts
from kdui.models.histories import history_inputs, without_taken
from kdui.models.history_counts import Learned, taken_by_person


class Popularity(nn.Module):
    """Histories [n, length] to scores [n, items], the logarithm of each item's share."""

    def __init__(self, items: int):
        super().__init__()
        self.head = nn.Linear(1, items)  # of a constant: the scores are its bias
        nn.init.zeros_(self.head.weight)

    def forward(self, history: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        constant = attention_mask[:, :1].to(self.head.weight.dtype)
        return without_taken(self.head(constant), history)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """Nothing is known of any item yet."""
    return Popularity(facts.outputs)


def learn(module: Popularity, learned: Learned, options: Mapping[str, Any]) -> dict[str, Any]:
    """Count. An item that few people took keeps a small share: half a person is added to each."""
    counts = taken_by_person(learned.train, len(learned.train.names)).sum(0) + 0.5
    with torch.no_grad():
        module.head.bias.copy_(torch.from_numpy(counts / counts.sum()).log())
    return {}


inputs = history_inputs
