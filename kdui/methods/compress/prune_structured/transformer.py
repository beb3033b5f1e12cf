"""Heads, feed-forward units, hidden width and whole layers of a transformer leave, the least important first."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_pruning
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.encoders import EncoderLayer, encoder_layers, encoder_list, keep_layers
from kdui.training.loop import Batch, LossFunction
from kdui.training.pruning_scores import evaluating, gradients

SMALLEST_WIDTH = 8


@dataclass
class Importance:
    """A score for each layer [layers], and for each layer its heads [heads] and units [units]; for each place of the width."""

    layers: torch.Tensor
    heads: list[torch.Tensor]
    units: list[torch.Tensor]
    width: torch.Tensor = field(default_factory=lambda: torch.zeros(0))


def importance_of(
    module: nn.Module, batches: Sequence[Batch], losses: LossFunction, kind: str, influence: bool = False
) -> Importance:
    """Scores by magnitude, or by the first-order change of the loss if a part gave zero; of layers by their influence.

    A part's Taylor score is |Σ w · ∂L/∂w| over the weights that read it, the gradient of a gate on it (Molchanov et al. 2019,
    arXiv:1906.10771, section 3; for heads Michel et al. 2019, arXiv:1905.10650, section 2.2), mean over batches.
    """
    layers = encoder_layers(module)
    influences = layer_influence(module, batches) if influence else torch.zeros(len(layers))
    if kind == "taylor":
        scores = _mean_over(module, batches, losses, lambda: _taylor(module, layers))
    else:
        scores = [
            *[_by_head(layer, torch.square).sum(0) for layer in layers],
            *[layer.inner.weight.square().sum(1) + layer.outer.weight.square().sum(0) for layer in layers],
            _width_magnitude(module),
        ]
    plain = [score.detach().float().cpu() for score in scores]
    count = len(layers)
    return Importance(influences, plain[:count], plain[count : 2 * count], plain[2 * count])


def _mean_over(
    module: nn.Module, batches: Sequence[Batch], losses: LossFunction, read: Callable[[], list[torch.Tensor]]
) -> list[torch.Tensor]:
    total: list[torch.Tensor] = []
    for _ in gradients(module, batches, losses):
        now = [score.detach().float().cpu() for score in read()]
        total = [one + other for one, other in zip(total, now, strict=True)] if total else now
    return [score / len(batches) for score in total]


def _taylor(module: nn.Module, layers: Sequence[EncoderLayer]) -> list[torch.Tensor]:
    heads = [_products(layer.mix.weight).sum(0).view(layer.heads, -1).sum(1).abs() for layer in layers]
    units = [_products(layer.outer.weight).sum(0).abs() for layer in layers]
    norms = [(_products(norm.weight) + _products(norm.bias)).abs() for norm in _norms(module)]
    return [*heads, *units, torch.stack(norms).sum(0)]


def _products(parameter: torch.Tensor) -> torch.Tensor:
    gradient = parameter.grad
    return torch.zeros_like(parameter) if gradient is None else parameter.detach() * gradient


def _by_head(layer: EncoderLayer, of: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Sums over each head's weights in the three projections and the mix, [4, heads]."""
    rows = [of(projection.weight).view(layer.heads, -1).sum(1) for projection in layer.projections]
    return torch.stack([*rows, of(layer.mix.weight).sum(0).view(layer.heads, -1).sum(1)])


def _norms(module: nn.Module) -> list[nn.LayerNorm]:
    """The normalisations of the shared width, embeddings' and layers' alike."""
    width = encoder_layers(module)[0].mix.out_features
    return [norm for norm in module.modules() if isinstance(norm, nn.LayerNorm) and norm.normalized_shape == (width,)]


def _width_magnitude(module: nn.Module) -> torch.Tensor:
    """Sum of the squares of all weights in the layers that write to or read from each place of the width."""
    total = torch.zeros(())
    for layer in encoder_layers(module):
        total = total.to(layer.mix.weight.device) + layer.mix.weight.square().sum(1) + layer.outer.weight.square().sum(1)
        for reader in (*layer.projections, layer.inner):
            total = total + reader.weight.square().sum(0)
    return total


def layer_influence(module: nn.Module, batches: Sequence[Batch]) -> torch.Tensor:
    """1 − mean cosine of what each layer is given and what it gives, over all tokens that are no padding, [layers].

    (Men et al. 2024, ShortGPT, arXiv:2403.03853, equation 1: block influence.)
    """
    blocks: Any = encoder_list(module)
    cosines = torch.zeros(len(blocks), dtype=torch.float64)
    counts = 0.0
    similarity: dict[int, torch.Tensor] = {}
    now: dict[str, torch.Tensor] = {}

    def watch(number: int) -> Callable[..., None]:
        def hook(layer: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> None:
            before = arguments[0] if arguments else keywords["hidden_states"]
            after = output[0] if isinstance(output, tuple) else output
            similar = torch.nn.functional.cosine_similarity(before.float(), after.float(), dim=-1)
            similarity[number] = (similar * now["weight"]).sum() if "weight" in now else similar.sum()
            now["count"] = now["weight"].sum() if "weight" in now else torch.tensor(float(similar.numel()))

        return hook

    hooks = [block.register_forward_hook(watch(number), with_kwargs=True) for number, block in enumerate(blocks)]
    try:
        with evaluating(module), torch.no_grad():
            for batch in batches:
                now.clear()
                if "attention_mask" in batch.inputs:
                    now["weight"] = batch.inputs["attention_mask"].float()
                module(**batch.inputs)
                cosines += torch.tensor([float(similarity[number]) for number in range(len(blocks))], dtype=torch.float64)
                counts += float(now["count"])
    finally:
        for hook in hooks:
            hook.remove()
    return (1.0 - cosines / counts).float()


def prune_transformer(
    module: nn.Module,
    example: Mapping[str, torch.Tensor],
    shares: Mapping[str, float],
    importance: Importance,
    every: bool = False,
    together: bool = False,
) -> None:
    """Remove these shares of ``layers``, ``heads``, ``feed_forward`` and ``hidden``, in place; at least one of each stays.

    ``every`` keeps evenly spread layers, else the most influential ones; ``together`` ranks the heads, and the units, of all
    layers in one list, each against the mean of its layer.
    """
    kept = kept_layers(importance.layers, shares["layers"], every)
    keep_layers(module, kept)
    layers = encoder_layers(module)
    heads, units = ([scores[index] for index in kept] for scores in (importance.heads, importance.units))
    for layer, chosen in zip(layers, kept_parts(heads, shares["heads"], together), strict=True):
        layer.keep_heads(chosen)
    for layer, chosen in zip(layers, kept_parts(units, shares["feed_forward"], together), strict=True):
        layer.keep_units(chosen)
    removed = min(round(shares["hidden"] * len(importance.width)), max(0, len(importance.width) - SMALLEST_WIDTH))
    if removed:
        narrow_width(module, example, torch.argsort(importance.width, stable=True)[:removed].tolist())


def kept_layers(scores: torch.Tensor, share: float, every: bool) -> list[int]:
    """Which layers stay, in their order."""
    count = max(1, len(scores) - round(share * len(scores)))
    if every:
        return [round(place * (len(scores) - 1) / max(1, count - 1)) for place in range(count)]
    return sorted(torch.argsort(scores, descending=True, stable=True)[:count].tolist())


def kept_parts(scores: Sequence[torch.Tensor], share: float, together: bool, multiple: int = 1) -> list[torch.Tensor]:
    """The places that stay in each layer, in their order, at least one.

    In a layer of at least two multiples their number is the nearest ``multiple``.
    """
    counts = _kept_counts(scores, share, together)
    rounded = [
        count if len(score) < 2 * multiple else min(len(score), max(1, round(count / multiple)) * multiple)
        for score, count in zip(scores, counts, strict=True)
    ]
    return [_highest(score, count) for score, count in zip(scores, rounded, strict=True)]


def _kept_counts(scores: Sequence[torch.Tensor], share: float, together: bool) -> list[int]:
    """How many places stay in each layer: the same share of each, or those that are highest against their layer's mean."""
    if not together:
        return [max(1, len(score) - round(share * len(score))) for score in scores]
    relative = [score / score.mean().clamp_min(1e-30) for score in scores]
    best = [int(score.argmax()) for score in relative]
    flat = torch.cat([score.index_fill(0, torch.tensor([top]), float("inf")) for score, top in zip(relative, best, strict=True)])
    keep = torch.zeros(len(flat), dtype=torch.bool)
    keep[_highest(flat, max(len(scores), len(flat) - round(share * len(flat))))] = True
    return [int(part.sum()) for part in torch.split(keep, [len(score) for score in scores])]


def _highest(scores: torch.Tensor, count: int) -> torch.Tensor:
    return torch.argsort(scores, descending=True, stable=True)[:count].sort().values


def narrow_width(module: nn.Module, example: Mapping[str, torch.Tensor], removed: list[int]) -> None:
    """Take these places out of the width that embeddings, normalisations and all layers share, in place.

    What is coupled is found by following the graph (Fang et al. 2023, DepGraph, section 3.2).
    """
    root = encoder_layers(module)[0].outer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph: Any = torch_pruning.DependencyGraph().build_dependency(
            module.eval(), dict(example), output_transform=lambda outputs: outputs.sum()
        )
        group = graph.get_pruning_group(root, torch_pruning.prune_linear_out_channels, idxs=removed)
    if bare := [dep.target.name for dep, _ in group if isinstance(dep.target.module, nn.Parameter)]:
        raise StageFailed(
            f"{bare[0]} of {type(module).__name__} has the same width but belongs to no layer, so it cannot be narrowed. "
            "Set 'hidden: 0' and remove heads, feed-forward units or layers."
        )
    group.prune()
