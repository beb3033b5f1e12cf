"""Layers and width of a Hugging Face checkpoint by its config.json, so that what does not fit is refused before it is queued."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Names that architectures give the same thing, the usual one first.
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_WIDTHS = ("hidden_size", "n_embd", "dim")
# Their lists of layers are not as long as the config says: one is shared, or something else has a longer list.
_COUNTED_OTHERWISE = ("albert", "canine", "funnel", "markuplm", "reformer")


def shape_of(config: Mapping[str, Any]) -> dict[str, int]:
    """``layers`` and ``width`` of a transformer, as far as its config tells them as they will be found in the network.

    Nothing of a network in stages (its layers and heads are lists) or of an encoder with a decoder (which has two lists).
    """
    if config.get("is_encoder_decoder") or not _first(config, _HEADS):
        return {}
    kind = config.get("model_type")
    layers = 0 if kind in _COUNTED_OTHERWISE else _first(config, _LAYERS)
    # MobileBERT's attention works in a bottleneck.
    width = _first(config, ("true_hidden_size",) if kind == "mobilebert" else _WIDTHS)
    return {name: value for name, value in {"layers": layers, "width": width}.items() if value}


def left_of(surgery: Mapping[str, Mapping[str, Any]], layers: int | None) -> int | None:
    """How many of a model's layers its surgery left (see ``models.surgery``); None where no single list tells."""
    lengths = [facts["length"] for facts in surgery.values() if "length" in facts]
    if not lengths:
        return layers
    return int(lengths[0]) if len(lengths) == 1 else None


def shape_of_folder(folder: Path | None) -> dict[str, int]:
    """The same of a checkpoint that was fetched before; nothing where there is none, or where its config cannot be read."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}  # building it says why
    return shape_of(config) if isinstance(config, dict) else {}


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """The first of these that is a whole number, 0 where none is."""
    return next((config[name] for name in names if type(config.get(name)) is int), 0)
