"""What layers are given on real examples: the second moment of their inputs, which the whitened decomposition needs."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.training.context import StepContext
from kdui.training.fit import resident
from kdui.training.saved import SavedModel

BATCH = 32
WIDEST = 4608  # inputs of a layer: beyond it the moment and its root would take longer than the training


def input_moments(context: StepContext, saved: SavedModel, names: list[str]) -> dict[str, torch.Tensor]:
    """E[x xᵀ] over the calibration examples for the named linear layers and convolutions; too wide ones are left out.

    Of a convolution x is a patch [in · height · width], laid out as its kernel is.
    """
    module, device = saved.module.to(context.device).eval(), context.device
    layers = {name: module.get_submodule(name) for name in names}
    narrow = {name: layer for name, layer in layers.items() if _width(layer) <= WIDEST}
    if wide := sorted(set(layers) - set(narrow)):
        context.report.log(f"{', '.join(wide)}: too wide to be weighed by inputs, so by weights alone.")
    moments = {
        name: torch.zeros(_width(layer), _width(layer), dtype=torch.float64, device=device) for name, layer in narrow.items()
    }
    counts = dict.fromkeys(narrow, 0)

    def watch(name: str) -> Any:
        def add(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            rows = input_rows(layer, inputs[0])
            moments[name] += (rows.T @ rows).double()
            counts[name] += len(rows)

        return narrow[name].register_forward_pre_hook(add)

    hooks = [watch(name) for name in narrow]
    data = resident(context, "train", saved.inputs, saved.folder, context.settings["calibration_examples"])
    with torch.no_grad():
        for index in data.in_order(BATCH):
            module(**data.inputs(index))
            context.report.check()
    for hook in hooks:
        hook.remove()
    module.to("cpu")
    return {name: moment.cpu() / counts[name] for name, moment in moments.items() if counts[name]}


def input_rows(layer: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """The vectors [n, width] that a layer multiplies its weight with."""
    if not isinstance(layer, nn.Conv2d):
        return inputs.reshape(-1, inputs.shape[-1]).float()
    assert not isinstance(layer.padding, str)
    patches = functional.unfold(inputs.float(), layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    return patches.transpose(1, 2).reshape(-1, patches.shape[1])


def _width(layer: Any) -> int:
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
    return int(layer.in_features)
