"""Regularization beside weight decay: penalties on the weights as named losses, and another rate of dropout."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.core.errors import StageFailed
from kdui.training.weights import prunable_weights, table_names


def penalties(module: nn.Module, l1: float, group_lasso: float) -> dict[str, torch.Tensor]:
    """The weighted penalties that are turned on, by name: what is added to the total loss.

    ``l1`` times Σ|w| over all matrices and kernels that train; ``group_lasso`` times the sum of the L2 norms of every output
    channel's weights (Yuan and Lin 2006; for channels Wen et al. 2016, arXiv:1608.03665, section 3.2), embeddings left out.
    """
    if not l1 and not group_lasso:
        return {}
    weights = {name: weight for name, weight in prunable_weights(module).items() if weight.requires_grad}
    terms: dict[str, torch.Tensor] = {}
    if l1:
        terms["l1"] = l1 * torch.stack([weight.abs().sum() for weight in weights.values()]).sum()
    if group_lasso:
        tables = table_names(module)
        norms = [channel_norms(weight).sum() for name, weight in weights.items() if name not in tables]
        if norms:
            terms["group_lasso"] = group_lasso * torch.stack(norms).sum()
    return terms


def channel_norms(weight: torch.Tensor) -> torch.Tensor:
    """L2 norm of each output channel's weights, [channels]."""
    return torch.linalg.vector_norm(weight.flatten(1), dim=1)


@contextmanager
def dropout_rate(module: nn.Module, rate: float | None) -> Iterator[None]:
    """While the context lasts, the module's dropout layers drop this share; None leaves them alone.

    A module without any drops the inputs of its last linear layer, in training mode only, and keeps no trace of it. Raises
    StageFailed where there is no such layer.
    """
    if rate is None:
        yield
        return
    layers: list[Any] = [layer for layer in module.modules() if isinstance(layer, nn.modules.dropout._DropoutNd)]
    before = [layer.p for layer in layers]
    for layer in layers:
        layer.p = rate
    hook = None if layers else _before_output(module, rate)
    try:
        yield
    finally:
        for layer, old in zip(layers, before, strict=True):
            layer.p = old
        if hook is not None:
            hook.remove()


def _before_output(module: nn.Module, rate: float) -> Any:
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise StageFailed(
            f"{type(module).__name__} has neither dropout nor a linear layer before which it could stand. "
            "Leave 'dropout' empty, or choose another model."
        )
    return linear[-1].register_forward_pre_hook(
        lambda layer, inputs: (functional.dropout(inputs[0], rate, layer.training), *inputs[1:])
    )
