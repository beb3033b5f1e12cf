"""Layers and width of a Hugging Face checkpoint by its config.json, so that what does not fit is refused before it is queued."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdui.core.errors import RecipeError

# Names that architectures give the same thing, the usual one first.
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_WIDTHS = ("hidden_size", "n_embd", "dim")
# Their lists of layers are not as long as the config says: one is shared, or something else has a longer list.
_COUNTED_OTHERWISE = ("albert", "canine", "funnel", "markuplm", "reformer")
_LONGEST_CONFIG = 20_000_000  # bytes
# What a config may mention before anything is built: lists of modules, labels, and sides of tensors, which must fit the weights.
_LISTS = re.compile(r"(^|_)(layers?|depths?|blocks?|experts|stages?|repeats?)(_|$)")
_SIDES = re.compile(
    r"(^|_)(size|sizes|dim|dims|d_model|d_ff|embd|inner|heads?|channels?|positions?|width|rank|filters|embed)(_|$)"
)
MOST_MODULES, MOST_LABELS, SMALL_SIDE = 1_000, 100_000, 65_536


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


def read_config(folder: Path) -> dict[str, Any]:
    """The object in the folder's config.json; raises RecipeError where there is none that can be read."""
    path = folder / "config.json"
    try:
        if path.stat().st_size > _LONGEST_CONFIG:
            raise ValueError("it is far too long")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it holds no object")
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).partition(":")[0]
        raise RecipeError(f"{path} cannot be read ({reason}). Save the checkpoint again.") from error
    return config


def require_sane(config: Mapping[str, Any], weight_bytes: int, title: str) -> None:
    """Raises RecipeError where a config mentions more than its weights could hold: nothing of that size may be built first."""
    named = config.get("id2label")
    labels = [len(named)] if isinstance(named, (dict, list)) else []
    limits = [(name, value, _limit(name, weight_bytes)) for name, value in _numbers("", config)]
    for name, value, limit in [*limits, *(("id2label", count, MOST_LABELS) for count in labels)]:
        if limit is not None and value > limit:
            raise RecipeError(
                f"The config.json of {title} says {name} = {value:,}, which its weights of {weight_bytes:,} bytes cannot hold "
                f"(at most {limit:,} is taken). Put the config.json beside them that they were saved with."
            )


def _limit(name: str, weight_bytes: int) -> int | None:
    if name == "num_labels":
        return MOST_LABELS
    if _LISTS.search(name):
        return MOST_MODULES
    return max(SMALL_SIDE, weight_bytes) if _SIDES.search(name) else None


def _numbers(name: str, value: Any) -> Iterator[tuple[str, int]]:
    """All whole numbers in a config, each with the name of the nearest field that holds it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(name, inner)
    elif type(value) is int or (type(value) is float and value.is_integer()):
        yield name, int(value)


def shape_of_folder(folder: Path | None) -> dict[str, int]:
    """The same of a checkpoint that was fetched before; nothing where there is none, or where its config cannot be read."""
    try:
        return shape_of(read_config(folder)) if folder else {}
    except RecipeError:
        return {}  # building it says why


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """The first of these that is a whole number, 0 where none is."""
    return next((config[name] for name in names if type(config.get(name)) is int), 0)
