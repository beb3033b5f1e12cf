"""Narrower decoder layers: the heads and feed-forward units whose activations are largest on texts stay.

(Muralidharan et al. 2024, Minitron, arXiv:2407.14679, section 2.2; there over 1,024 texts.)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.encoders import keep_columns, keep_rows

TEXTS, TOKENS = 32, 128  # that are looked at, and tokens of each


def narrow_layers(network: Any, heads: int, kv_heads: int, units: int, tokenizer_json: str, texts: Sequence[str]) -> None:
    """Cut each layer down to so many heads and units, in their order, in place.

    Heads that share keys and values leave together. Raises StageFailed for layers of another kind, for another number of heads
    to a key, and without texts.
    """
    config = network.config
    layers = _layers(network)
    shared = config.num_attention_heads // config.num_key_value_heads
    if heads != kv_heads * shared:
        raise StageFailed(
            f"The teacher has {shared} heads to each key and value head, and heads leave together with those. Set heads to "
            f"{kv_heads * shared}, or kv_heads to another number."
        )
    if not texts:
        raise StageFailed(
            "Which heads and units stay is decided by texts, and there are none. Choose a student as wide as its teacher."
        )
    squares = _squared_inputs(network, layers, _tokens(tokenizer_json, texts))
    for attention, feed_forward in layers:
        size = attention.o_proj.in_features // config.num_attention_heads
        by_head = squares[attention.o_proj].view(-1, size).sum(1).sqrt()
        groups = _largest(by_head.view(-1, shared).sum(1), kv_heads)
        _keep_heads(attention, groups, shared, size)
        _keep_units(feed_forward, _largest(squares[feed_forward.down_proj], units))
    config.num_attention_heads, config.num_key_value_heads, config.intermediate_size = heads, kv_heads, units


def _layers(network: Any) -> list[tuple[Any, Any]]:
    """Attention and feed-forward part of each layer."""
    layers = [layer for part in network.base_model.children() if isinstance(part, nn.ModuleList) for layer in part]
    wanted = (("self_attn", ("q_proj", "k_proj", "v_proj", "o_proj")), ("mlp", ("gate_proj", "up_proj", "down_proj")))
    for layer in layers:
        if not all(
            isinstance(getattr(getattr(layer, part, None), name, None), nn.Linear) for part, names in wanted for name in names
        ):
            raise StageFailed(
                f"The layers of {type(network).__name__} are not those of a LLaMA network, so they cannot be made narrower. "
                "Choose a student as wide as its teacher."
            )
    return [(layer.self_attn, layer.mlp) for layer in layers]


def _tokens(tokenizer_json: str, texts: Sequence[str]) -> list[torch.Tensor]:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKENS)
    return [torch.tensor([encoded.ids]) for encoded in tokenizer.encode_batch(list(texts[:TEXTS]))]


def _squared_inputs(
    network: Any, layers: Sequence[tuple[Any, Any]], texts: Sequence[torch.Tensor]
) -> dict[nn.Linear, torch.Tensor]:
    """Of what mixes the heads and what takes the units: squares of each input, summed over all tokens in fp64."""
    watched = [layer for attention, feed_forward in layers for layer in (attention.o_proj, feed_forward.down_proj)]
    squares = {layer: torch.zeros(layer.in_features, dtype=torch.float64) for layer in watched}
    with _hooked(squares), torch.no_grad():
        for ids in texts:
            network.base_model(input_ids=ids, use_cache=False)
    return squares


@contextmanager
def _hooked(squares: dict[nn.Linear, torch.Tensor]) -> Iterator[None]:
    def watch(layer: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        squares[layer] += inputs[0].detach().double().square().flatten(0, -2).sum(0)

    hooks = [layer.register_forward_pre_hook(watch) for layer in squares]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _largest(importance: torch.Tensor, count: int) -> torch.Tensor:
    return torch.argsort(importance, descending=True, stable=True)[:count].sort().values


def _keep_heads(attention: Any, groups: torch.Tensor, shared: int, size: int) -> None:
    heads = (groups.unsqueeze(1) * shared + torch.arange(shared)).flatten()
    of_heads, of_groups = ((which.unsqueeze(1) * size + torch.arange(size)).flatten() for which in (heads, groups))
    for projection, places in ((attention.q_proj, of_heads), (attention.k_proj, of_groups), (attention.v_proj, of_groups)):
        keep_rows(projection, places)
    keep_columns(attention.o_proj, of_heads)


def _keep_units(feed_forward: Any, units: torch.Tensor) -> None:
    for projection in (feed_forward.gate_proj, feed_forward.up_proj):
        keep_rows(projection, units)
    keep_columns(feed_forward.down_proj, units)
