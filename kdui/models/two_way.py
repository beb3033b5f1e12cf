"""Two one-way LSTMs over padded texts, so that padding is kept out of the backward one by plain ONNX operators."""

import torch
from torch import nn


def both_ways(ahead: nn.LSTM, back: nn.LSTM, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Both directions' states [n, length, 2 · hidden] over ``states`` [n, length, width]; ``mask`` int64, 0 for padding behind.

    Turning twice gives each token its own backward state again.
    """
    turned = reversed_places(mask)
    backward = reordered(back(reordered(states, turned))[0], turned)
    return torch.cat([ahead(states)[0], backward], dim=-1)


def reordered(rows: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Rows [n, length, width] at these positions [n, length]."""
    return torch.gather(rows, 1, positions.unsqueeze(-1).expand(-1, -1, rows.shape[-1]))


def reversed_places(mask: torch.Tensor) -> torch.Tensor:
    """Positions [n, length] that turn each example around within its own length and leave the padding behind it."""
    lengths = mask.sum(dim=1, keepdim=True)
    positions = torch.arange(mask.shape[1], device=mask.device).unsqueeze(0)
    return torch.where(positions < lengths, lengths - 1 - positions, positions)
