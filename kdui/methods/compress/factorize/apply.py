"""Low rank: decompose what can be, choose ranks, replace the layers where it pays, and fine-tune with the teacher."""

from typing import Any

from torch import nn

from kdui.core.errors import StageFailed
from kdui.core.words import percent
from kdui.methods.compress.factorize.calibrating import input_moments
from kdui.methods.compress.factorize.decompose import Decomposition, decompose, ranks_by_budget, ranks_by_energy, ranks_by_ratio
from kdui.methods.compress.fine_tuning import fine_tune
from kdui.models.factorized import Kind, as_matrix, can_factorize, replace_layer, with_factors
from kdui.models.layers import output_layer
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input
from kdui.training.saved import SavedModel

ITEMS = "item_embedding"  # of a model that ranks items, whose head is a table of them, too
TABLES = ("word_embedding", ITEMS)
NAMED = 8  # layers that a line of the log lists


def factorize(context: StepContext) -> dict[str, Any]:
    """The factorized and recovered model; its summary holds the rank of each product, and why other layers are whole."""
    saved = load_input(context, "model")
    kinds, whole = chosen_layers(saved.module, context.facts.outputs, context.settings)
    layers = _decomposed(context, saved, kinds)
    context.report.check()
    for name, rank in _ranks(context, saved.module, layers).items():
        layer = saved.module.get_submodule(name)
        if not layers[name].pays(rank):
            whole[name] = f"rank {rank} would not pay"
            continue
        replace_layer(saved.module, name, with_factors(layer, kinds[name], *layers[name].truncated(rank)))
        context.report.log(
            f"{name}: rank {rank} of {len(layers[name].values)}, {percent(layers[name].retained(rank), 1)} retained"
        )
    ranks = {name: _rank_of(saved.module.get_submodule(name)) for name in layers if name not in whole}
    if whole:
        listed = "; ".join(f"{name} ({why})" for name, why in list(whole.items())[:NAMED])
        more = f"; and {len(whole) - NAMED} more" if len(whole) > NAMED else ""
        context.report.log(f"Left whole: {listed}{more}.")
    return {**fine_tune(context, saved), "ranks": ranks, "left_whole": whole}


def chosen_layers(module: nn.Module, outputs: int, settings: dict[str, Any]) -> tuple[dict[str, Kind], dict[str, str]]:
    """The layers to decompose with the kind of product, and those left whole with the reason."""
    head = output_layer(module, outputs)
    tables = [getattr(module, name, None) for name in TABLES] if settings["embeddings"] else []
    kinds: dict[str, Kind] = {}
    whole: dict[str, str] = {}
    for name, layer in module.named_modules():
        match layer:
            case nn.Linear() if layer is head and not (tables and hasattr(module, ITEMS)):
                whole[name] = "it gives the outputs"
            case nn.Linear():
                kinds[name] = "linear"
            case nn.Conv2d() if settings["convolution"] == "leave":
                whole[name] = "convolutions are left as they are"
            case nn.Conv2d() if why := can_factorize(layer):
                whole[name] = why
            case nn.Conv2d():
                kinds[name] = "channel" if layer.kernel_size == (1, 1) else settings["convolution"]
            case nn.RNNBase():
                whole[name] = "it is recurrent"
            case nn.Embedding() if any(layer is table for table in tables):
                kinds[name] = "embedding"
    return kinds, whole


def _decomposed(context: StepContext, saved: SavedModel, kinds: dict[str, Kind]) -> dict[str, Decomposition]:
    if not kinds:
        raise StageFailed("The model has no layer that can be factorized. Choose another model or another compression.")
    whitened = [name for name, kind in kinds.items() if kind in ("linear", "channel")] if context.settings["whiten"] else []
    moments = input_moments(context, saved, whitened) if whitened else {}
    return {
        name: decompose(as_matrix(saved.module.get_submodule(name).weight.detach(), kind), moments.get(name))  # type: ignore[operator]
        for name, kind in kinds.items()
    }


def _ranks(context: StepContext, module: nn.Module, layers: dict[str, Decomposition]) -> dict[str, int]:
    settings = context.settings
    match settings["rank_by"]:
        case "ratio":
            return ranks_by_ratio(layers, settings["ratio"])
        case "energy":
            return ranks_by_energy(layers, settings["energy"])
    total = sum(parameter.numel() for parameter in module.parameters())
    fixed = total - sum(layer.size for layer in layers.values())
    return ranks_by_budget(layers, int(settings["budget"] * total) - fixed)


def _rank_of(layer: Any) -> int:
    return int(layer.rank if hasattr(layer, "rank") else layer.table.embedding_dim)
