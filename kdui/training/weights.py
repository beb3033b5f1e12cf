"""The weights that pruning and quantization work on, and how large each is among those of its own layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn


def prunable_weights(module: nn.Module) -> dict[str, nn.Parameter]:
    """The matrices and kernels: every parameter with two axes or more, by name."""
    return {name: parameter for name, parameter in module.named_parameters() if parameter.ndim >= 2}


def table_names(module: nn.Module) -> set[str]:
    """The names of the weights of embeddings: rows that are looked up, not multiplied."""
    return {f"{name}.weight" if name else "weight" for name, layer in module.named_modules() if isinstance(layer, nn.Embedding)}


def relative_weights(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each weight divided by the root mean square of its tensor, so that layers of different scale can be ranked together.

    Without it an embedding table with large entries would cost a recurrent layer all of its weights.
    """
    relative = {}
    for name, weight in weights.items():
        values = weight.detach().float().cpu()
        scale = float(values.square().mean().sqrt())
        relative[name] = values / scale if scale else values
    return relative


def weight_lens(module: nn.Module, bins: int = 81, sample: int = 2048) -> dict[str, Any]:
    """The histogram of the relative weights and the quantiles of their sizes: from these a browser reads any threshold."""
    values = torch.cat([weight.flatten() for weight in relative_weights(prunable_weights(module)).values()]).numpy()
    reach = float(np.quantile(np.abs(values), 0.999)) or 1.0
    counts, edges = np.histogram(np.clip(values, -reach, reach), bins=bins, range=(-reach, reach))
    quantiles = np.quantile(np.abs(values), np.linspace(0, 1, sample))
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "max_abs": float(np.abs(values).max()),
        "total": int(values.size),
        "sample": [float(f"{value:.5g}") for value in quantiles],
    }
