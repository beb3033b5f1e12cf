"""Whole channels of a convolutional network leave with all that is coupled to them, and the module becomes really smaller."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
import torch_pruning
from torch import nn

from kdui.core.errors import StageFailed
from kdui.methods.compress.prune_structured.transformer import kept_parts
from kdui.models.layers import output_layer

ROOTS = [nn.Conv2d, nn.Linear]


def check_channels(module: nn.Module, kind: str) -> None:
    """Raises StageFailed where the module has no convolutions, or no batch normalisation that the criterion reads."""
    if not any(isinstance(layer, nn.Conv2d) for layer in module.modules()):
        raise StageFailed(
            f"{type(module).__name__} has neither convolutions nor attention, so nothing can be removed whole. Use 'prune'."
        )
    if kind == "bn-scale" and not any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules()):
        raise StageFailed(f"{type(module).__name__} has no batch normalisation to read scales from. Choose kind: magnitude.")


def prune_channels(
    module: nn.Module,
    example: Mapping[str, torch.Tensor],
    outputs: int,
    share: float,
    kind: str = "magnitude",
    together: bool = False,
    multiple: int = 1,
) -> None:
    """Remove the share of each group of coupled channels, in place; the output layer keeps its width ``outputs``.

    Lowest group importance first (Fang et al. 2023, DepGraph, section 3.3): L2 norms, |w · gradient| of the gradients that the
    parameters hold (Molchanov et al. 2019), or the scale of batch normalisation (Liu et al. 2017, arXiv:1708.06519, section 3).
    ``together`` ranks the channels of all layers in one list, each group against its own mean. At least one channel of a group
    stays; of wide groups the nearest ``multiple`` does (see ``kept_parts``). Groups of a convolution that is itself in groups
    (not one a channel) stay whole.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph: Any = torch_pruning.DependencyGraph().build_dependency(
            module.eval(), dict(example), output_transform=lambda outputs: outputs.sum()
        )
        importance = _importance(kind)
        scored = [
            (group[0].dep, scores)
            for group in graph.get_all_groups(ignored_layers=[output_layer(module, outputs)], root_module_types=ROOTS)
            if not _in_groups(group) and (scores := importance(group)) is not None
        ]
        # torch-pruning's own pruner leaves a group whole that would lose its last channel.
        kept = kept_parts([scores.detach().float().cpu() for _, scores in scored], share, together, multiple)
        for (root, scores), stays in zip(scored, kept, strict=True):
            removed = sorted(set(range(len(scores))) - set(stays.tolist()))
            if removed:
                graph.get_pruning_group(root.target.module, root.handler, idxs=removed).prune()


def _in_groups(group: Any) -> bool:
    layers = [dep.target.module for dep, _ in group]
    return any(isinstance(layer, nn.Conv2d) and 1 < layer.groups < layer.out_channels for layer in layers)


def _importance(kind: str) -> Any:
    if kind == "taylor":
        return torch_pruning.importance.GroupTaylorImportance()
    if kind == "bn-scale":
        return torch_pruning.importance.BNScaleImportance()
    return torch_pruning.importance.GroupMagnitudeImportance(p=2)
