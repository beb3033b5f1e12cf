"""What low-bit training left behind: on which grid each layer's weights lie and its inputs are rounded, as plain data.

The module itself stays one of its family with weights that lie on their grid; this file beside it holds the rest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from kdui.core.errors import StoreError
from kdui.core.plain import Frozen

QUANTIZATION_FILE = "quantization.json"


class InputGrid(Frozen):
    """The grid of what a layer is given: level · step for levels ``low`` to ``high``; zero is a level, so its zero point is 0."""

    bits: int
    step: float
    low: int
    high: int


class LayerGrid(Frozen):
    """The grid of a layer's weights, with one step or one an output channel, and of its inputs where they are rounded."""

    bits: int
    steps: tuple[float, ...]
    inputs: InputGrid | None = None


class Quantization(Frozen):
    """Layer name -> its grids."""

    layers: dict[str, LayerGrid]

    @property
    def weight_bits(self) -> int:
        """Fewest bits of a weight."""
        return min(grid.bits for grid in self.layers.values())


def read_quantization(folder: Path) -> Quantization | None:
    """What stands beside a saved model, None where it was not trained at low bits; raises StoreError where it cannot be read."""
    path = folder / QUANTIZATION_FILE
    if not path.exists():
        return None
    try:
        return Quantization.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise StoreError(f"{path} cannot be read ({error.error_count()} faults). Run its recipe again.") from error


def weight_codes(weight: torch.Tensor, grid: LayerGrid) -> torch.Tensor:
    """The integer levels [out, ...] of weights that lie on the grid."""
    steps = torch.tensor(grid.steps, dtype=torch.float32).view(-1, *[1] * (weight.ndim - 1))
    return torch.round(weight.detach().cpu().float() / steps).to(torch.int16)


def layer_codes(module: nn.Module, quantization: Quantization) -> dict[str, tuple[LayerGrid, np.ndarray]]:
    """Each layer's grid and its integer levels [out, ...]: what an exported graph is matched with."""
    codes = {}
    for name, grid in quantization.layers.items():
        weight: Any = module.get_submodule(name).weight
        codes[name] = (grid, weight_codes(weight, grid).numpy())
    return codes


@contextmanager
def rounded_inputs(module: nn.Module, quantization: Quantization) -> Iterator[None]:
    """Within it the module rounds the inputs of its layers as it did when it was trained."""
    hooks = [
        module.get_submodule(name).register_forward_pre_hook(_rounding(grid.inputs))
        for name, grid in quantization.layers.items()
        if grid.inputs is not None
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _rounding(grid: InputGrid) -> Any:
    step = torch.tensor(grid.step, dtype=torch.float32)

    def rounded(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        levels = torch.round(torch.clamp(inputs[0] / step.to(inputs[0].device), grid.low, grid.high))
        return (levels * step.to(inputs[0].device), *inputs[1:])

    return rounded
