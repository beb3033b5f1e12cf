"""Whole channels of a convolutional network leave with all that is coupled to them, and the module becomes really smaller."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
import torch_pruning
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.layers import output_layer

MOST = 0.95  # of a layer's channels, where all layers are ranked together


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
) -> None:
    """Remove the share of each group of coupled channels, in place; the output layer keeps its width ``outputs``.

    Lowest group importance first (Fang et al. 2023, DepGraph, section 3.3): L2 norms, |w · gradient| of the gradients that the
    parameters hold (Molchanov et al. 2019), or the scale of batch normalisation (Liu et al. 2017, arXiv:1708.06519, section 3).
    ``together`` ranks the channels of all layers in one list.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pruner: Any = torch_pruning.pruner.BasePruner(
            module.eval(),
            dict(example),
            importance=_importance(kind),
            pruning_ratio=share,
            max_pruning_ratio=MOST,
            global_pruning=together,
            ignored_layers=[output_layer(module, outputs)],
            output_transform=lambda found: found.sum(),
        )
        pruner.step()


def _importance(kind: str) -> Any:
    if kind == "taylor":
        return torch_pruning.importance.GroupTaylorImportance()
    if kind == "bn-scale":
        return torch_pruning.importance.BNScaleImportance()
    return torch_pruning.importance.GroupMagnitudeImportance(p=2)
