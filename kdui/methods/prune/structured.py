"""Structured pruning: whole channels, heads and hidden units leave, and the module becomes really smaller."""

import warnings
from typing import Any

import torch
import torch_pruning
from torch import nn

from kdui.core.errors import StageFailed
from kdui.models.layers import attention_heads, output_layer, settle_heads
from kdui.training.saved import SavedModel


def prune_channels(saved: SavedModel, example: dict[str, torch.Tensor], outputs: int, sparsity: float) -> None:
    """Remove the given share of each group of coupled channels, least L2 norm first (Fang et al. 2023, DepGraph, section 3.3).

    Works in place on the module; the output layer keeps its width ``outputs``. Raises StageFailed when nothing can be removed.
    """
    module = saved.module.eval()
    before = sum(parameter.numel() for parameter in module.parameters())
    heads = attention_heads(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pruner = torch_pruning.pruner.BasePruner(
            module,
            example,
            importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=sparsity,
            global_pruning=False,
            ignored_layers=_kept_layers(module, outputs, bool(heads)),
            output_transform=lambda found: found.sum(),
            num_heads=heads,
            prune_num_heads=bool(heads),
            prune_head_dims=False,
            head_pruning_ratio=sparsity,
        )
        pruner.step()
    settle_heads(module)
    if sparsity and sum(parameter.numel() for parameter in module.parameters()) == before:
        raise StageFailed(
            f"Nothing could be removed at sparsity {sparsity:.0%}: the layers are too narrow. "
            "Raise the sparsity or choose kind: magnitude."
        )


def _kept_layers(module: nn.Module, outputs: int, transformer: bool) -> list[Any]:
    """The output layer, and in a transformer all that carries the residual stream: its width is shared by every block."""
    kept: list[Any] = [output_layer(module, outputs)]
    if transformer:
        kept += [layer for layer in module.modules() if isinstance(layer, (nn.Embedding, nn.LayerNorm))]
    return kept
