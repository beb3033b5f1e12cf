"""Narrower transformer layers: the heads and hidden units of a BERT layer that weigh most, or simply the first ones."""

from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed


def narrow(layer: Any, heads: int, units: int) -> None:
    """Keep the most important ``heads`` of the attention and ``units`` of the feed-forward part, in their order, in place.

    Importance is the sum of squares of all weights that leave with the head or unit (Fang et al. 2023, DepGraph, section 3.3).
    Raises StageFailed where the layer has fewer.
    """
    attention = layer.attention.self
    _enough("heads", heads, attention.num_attention_heads)
    _enough("intermediate", units, layer.intermediate.dense.out_features)
    keep_heads(layer, _largest(head_importance(layer), heads))
    keep_units(layer, _largest(unit_importance(layer), units))


def head_importance(layer: Any) -> torch.Tensor:
    """Sum of squares of each head's query, key, value and output weights, [heads]."""
    attention = layer.attention.self
    heads = attention.num_attention_heads
    rows = [projection.weight.square().view(heads, -1).sum(1) for projection in _projections(attention)]
    columns = layer.attention.output.dense.weight.square().sum(0).view(heads, -1).sum(1)
    return (sum(rows) + columns).detach()


def unit_importance(layer: Any) -> torch.Tensor:
    """Sum of squares of each hidden unit's incoming and outgoing weights, [units]."""
    return (layer.intermediate.dense.weight.square().sum(1) + layer.output.dense.weight.square().sum(0)).detach()


def keep_heads(layer: Any, heads: torch.Tensor) -> None:
    """Cut all other heads out of the layer."""
    attention = layer.attention.self
    size = attention.attention_head_size
    places = (heads.unsqueeze(1) * size + torch.arange(size, device=heads.device)).flatten()
    for projection in _projections(attention):
        _keep_rows(projection, places)
    _keep_columns(layer.attention.output.dense, places)
    attention.num_attention_heads, attention.all_head_size = len(heads), len(places)


def keep_units(layer: Any, units: torch.Tensor) -> None:
    """Cut all other hidden units out of the layer."""
    _keep_rows(layer.intermediate.dense, units)
    _keep_columns(layer.output.dense, units)


def _projections(attention: Any) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
    return attention.query, attention.key, attention.value


def _largest(importance: torch.Tensor, count: int) -> torch.Tensor:
    return torch.argsort(importance, descending=True, stable=True)[:count].sort().values


def _keep_rows(linear: nn.Linear, rows: torch.Tensor) -> None:
    linear.weight = nn.Parameter(linear.weight.detach()[rows.to(linear.weight.device)])
    linear.bias = nn.Parameter(linear.bias.detach()[rows.to(linear.bias.device)])
    linear.out_features = len(rows)


def _keep_columns(linear: nn.Linear, columns: torch.Tensor) -> None:
    linear.weight = nn.Parameter(linear.weight.detach()[:, columns.to(linear.weight.device)])
    linear.in_features = len(columns)


def _enough(option: str, wanted: int, available: int) -> None:
    if wanted > available:
        raise StageFailed(
            f"The student wants {option}={wanted} but its teacher's layers have {available}. Set {option} to at most that."
        )
