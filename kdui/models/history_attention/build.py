"""Self-attention over a history, in the manner of SASRec (Kang and McAuley 2018, arXiv:1808.09781, section III).

Each example is one history with what follows it, so nothing needs to be hidden from anything: attention goes both ways, and the
mean over the history is what the items are held against. Places are counted from the latest item.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.core.contracts import TaskFacts
from kdui.models.histories import history_inputs, mean_of, without_taken


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each over normalized states and added to them."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_hidden = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mixed, self.hidden, self.output = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor, attend: torch.Tensor) -> torch.Tensor:
        """States [n, length, width]; ``attend`` bool [n, 1, 1, length], which places may be looked at."""
        normal = self.before_attention(states)
        query, key, value = (self._split(layer(normal)) for layer in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=attend)
        states = states + self.dropout(self.mixed(mixed.transpose(1, 2).flatten(2)))
        hidden = torch.relu(self.hidden(self.before_hidden(states)))
        return states + self.dropout(self.output(hidden))

    def _split(self, states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class HistoryAttention(nn.Module):
    """Histories [n, length] to scores [n, items]; of longer ones than ``longest`` the latest items are read."""

    def __init__(self, items: int, longest: int, options: Mapping[str, Any]):
        super().__init__()
        width, self.longest = options["width"], longest
        self.item_embedding = nn.Embedding(items + 1, width)
        self.places = nn.Embedding(longest, width)
        self.dropout = nn.Dropout(options["dropout"])
        self.blocks = nn.ModuleList(Block(width, options["heads"], options["dropout"]) for _ in range(options["layers"]))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, items)
        nn.init.normal_(self.item_embedding.weight, std=width**-0.5)
        nn.init.normal_(self.places.weight, std=0.1 * width**-0.5)

    def forward(self, history: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        latest, mask = history[:, : self.longest], attention_mask[:, : self.longest]
        places = torch.arange(latest.shape[1], device=latest.device)
        states = self.dropout(self.item_embedding(latest) + self.places(places))
        attend = (mask > 0)[:, None, None, :]
        for block in self.blocks:
            states = block(states, attend)
        return without_taken(self.head(self.norm(mean_of(states, mask))), history)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``layers`` blocks of ``heads`` heads over vectors of ``width`` dimensions."""
    return HistoryAttention(facts.outputs, facts.input["longest"], options)


inputs = history_inputs
