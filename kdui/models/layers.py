"""Layers that other modules refer to: the one that gives the outputs, attention heads, and which a shallower model keeps."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from kdui.core.errors import StageFailed


def output_layer(module: nn.Module, outputs: int) -> nn.Linear:
    """The layer that gives the outputs, which no surgery may narrow and which a new task replaces.

    A module names it ``head``; of one that does not it is the last linear layer as wide as the outputs.
    """
    if isinstance(named := getattr(module, "head", None), nn.Linear):
        return named
    fitting = [layer for layer in module.modules() if isinstance(layer, nn.Linear) and layer.out_features == outputs]
    if not fitting:
        raise StageFailed(
            f"The model has no linear layer with {outputs} outputs, so its head cannot be identified. Choose another model."
        )
    return fitting[-1]


def attention_heads(module: nn.Module) -> dict[nn.Linear, int]:
    """Query, key and value projections with their number of heads, in the form of torch-pruning's ``num_heads``."""
    return {
        getattr(projection, "expand", projection): layer.num_attention_heads  # of a factorized projection the part with heads
        for layer in attentions(module)
        for projection in (layer.query, layer.key, layer.value)
    }


def settle_heads(module: nn.Module) -> None:
    """After heads were cut out of the projections, set the number of remaining heads on each attention layer."""
    for layer in attentions(module):
        layer.all_head_size = layer.query.out_features
        layer.num_attention_heads = layer.all_head_size // layer.attention_head_size


def attentions(module: nn.Module) -> Iterator[Any]:
    wanted = ("query", "key", "value", "num_attention_heads", "attention_head_size")
    return (layer for layer in module.modules() if all(hasattr(layer, name) for name in wanted))


def spread(available: int, wanted: int) -> list[int]:
    """Evenly spread layers from the first to the last: 12 -> 6 gives DistilBERT's own 0, 2, 4, 7, 9, 11."""
    if wanted == 1:
        return [0]
    return [round(position * (available - 1) / (wanted - 1)) for position in range(wanted)]
