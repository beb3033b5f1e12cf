"""A transformer encoder's layers by their parts, whatever their names, and how heads, units and whole layers are cut out.

BERT, RoBERTa, ELECTRA, MiniLM, DistilBERT and ViT have such layers: three projections of one width, their mix, and a feed-forward
part of two linear layers.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed

_PROJECTIONS = (("query", "key", "value"), ("q_proj", "k_proj", "v_proj"), ("q_lin", "k_lin", "v_lin"))
_HEAD_SIZE = ("attention_head_size", "head_dim")


@dataclass(frozen=True)
class EncoderLayer:
    """One layer: the projections of its attention, what mixes the heads, and the two linear layers of its feed-forward part."""

    block: nn.Module
    attention: Any
    projections: tuple[nn.Linear, ...]
    mix: nn.Linear
    inner: nn.Linear
    outer: nn.Linear

    @property
    def head_size(self) -> int:
        return next(int(getattr(self.attention, name)) for name in _HEAD_SIZE if hasattr(self.attention, name))

    @property
    def heads(self) -> int:
        return self.mix.in_features // self.head_size

    @property
    def units(self) -> int:
        return self.inner.out_features

    def keep_heads(self, heads: torch.Tensor) -> None:
        """Cut all other heads out, in place."""
        places = (heads.unsqueeze(1) * self.head_size + torch.arange(self.head_size, device=heads.device)).flatten()
        for projection in self.projections:
            keep_rows(projection, places)
        keep_columns(self.mix, places)
        for name, value in (("num_attention_heads", len(heads)), ("n_heads", len(heads)), ("all_head_size", len(places))):
            if hasattr(self.attention, name):
                setattr(self.attention, name, value)

    def keep_units(self, units: torch.Tensor) -> None:
        """Cut all other inner units of the feed-forward part out, in place."""
        keep_rows(self.inner, units)
        keep_columns(self.outer, units)


def encoder_list(module: nn.Module) -> nn.ModuleList | None:
    """The list of the encoder's layers, None where the module is no transformer."""
    lists = [layer for layer in module.modules() if isinstance(layer, nn.ModuleList) and _attention(layer) is not None]
    return max(lists, key=len) if lists else None


def encoder_layers(module: nn.Module) -> list[EncoderLayer]:
    """The layers from shallow to deep; raises StageFailed where one has other parts than these."""
    blocks = encoder_list(module)
    return [_parts(block) for block in blocks] if blocks is not None else []


def keep_layers(module: nn.Module, kept: list[int]) -> None:
    """Take all other layers out of the encoder, in place."""
    blocks: Any = encoder_list(module)
    for index in reversed(range(len(blocks))):
        if index not in kept:
            del blocks[index]


def keep_rows(linear: nn.Linear, rows: torch.Tensor) -> None:
    """Cut all other outputs out of a linear layer, in place."""
    linear.weight = nn.Parameter(linear.weight.detach()[rows.to(linear.weight.device)])
    if linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[rows.to(linear.bias.device)])
    linear.out_features = len(rows)


def keep_columns(linear: nn.Linear, columns: torch.Tensor) -> None:
    """Cut all other inputs out of a linear layer, in place."""
    linear.weight = nn.Parameter(linear.weight.detach()[:, columns.to(linear.weight.device)])
    linear.in_features = len(columns)


def _attention(module: nn.Module) -> tuple[Any, tuple[nn.Linear, ...]] | None:
    for layer in module.modules():
        for names in _PROJECTIONS:
            projections = [getattr(layer, name, None) for name in names]
            if all(isinstance(each, nn.Linear) for each in projections):
                return layer, tuple(each for each in projections if isinstance(each, nn.Linear))
    return None


def _parts(block: nn.Module) -> EncoderLayer:
    self_attention = _attention(block)
    rest: list[nn.Linear] = []
    if self_attention is not None:
        linears = [layer for layer in block.modules() if isinstance(layer, nn.Linear)]
        rest = [layer for layer in linears if all(layer is not projection for projection in self_attention[1])]
    sized = self_attention is not None and any(hasattr(self_attention[0], name) for name in _HEAD_SIZE)
    if self_attention is None or not sized or len(rest) != 3:
        raise _odd(block)
    attention, projections = self_attention
    mix, inner, outer = rest
    if {each.out_features for each in projections} != {mix.in_features} or inner.out_features != outer.in_features:
        raise _odd(block)
    return EncoderLayer(block, attention, projections, mix, inner, outer)


def _odd(block: nn.Module) -> StageFailed:
    return StageFailed(
        f"{type(block).__name__} has other parts than an encoder's layer (three projections of one width, their mix, two "
        "feed-forward layers), so nothing can be cut out of it. Choose a model of BERT's, DistilBERT's or ViT's kind, or 'prune'."
    )
