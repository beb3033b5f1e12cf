"""Weights that a model sees rounded while a finer copy of them learns: the recovery of a model that is quantized afterwards."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from kdui.training.weights import prunable_weights

SMALLEST = 1e-7  # of a scale, as in the grids of ``methods.quantize``


@dataclass(frozen=True)
class Rounding:
    """A uniform grid whose range is that of the weights: what ``methods.quantize.grids`` calls min-max.

    ``granularity`` is what shares a scale: all weights, those of an output channel, or ``group_size`` of a channel's.
    """

    bits: int
    symmetric: bool = True
    granularity: Literal["tensor", "channel", "group"] = "channel"
    group_size: int = 32

    def nearest(self, weight: torch.Tensor) -> torch.Tensor:
        """The nearest level of each weight, in its own shape [out, ...]; scales are fp16, rounded up so that none is clipped."""
        matrix = weight.detach().float().reshape(len(weight), -1)
        blocks = self._blocks(matrix)
        low, high = blocks.amin(-1, keepdim=True).double(), blocks.amax(-1, keepdim=True).double()
        if self.symmetric:
            steps = 2 ** (self.bits - 1) - 1
            scales = scales_up(torch.maximum(-low, high), steps).float()
            levels = torch.round(blocks / scales).clamp_(-steps, steps)
        else:
            steps = 2**self.bits - 1
            low, high = low.clamp(max=0), high.clamp(min=0)
            scales = scales_up(high - low, steps).float()
            zeros = torch.round(-low / scales.double()).clamp_(0, steps).float()
            levels = (torch.round(blocks / scales) + zeros).clamp_(0, steps) - zeros
            # Where both ends lie half-way between two levels, rounding the scale up would leave the last level empty, and a grid
            # made of the rounded weights would be another one.
            levels = torch.where((blocks == high) & (high > 0), steps - zeros, levels)
        rounded = (levels * scales).reshape(len(matrix), -1)[:, : matrix.shape[1]]
        return rounded.reshape(weight.shape).to(weight.dtype)

    def _blocks(self, matrix: torch.Tensor) -> torch.Tensor:
        """What shares a scale on the last axis: [rows or 1, groups, weights]; a short last group repeats its last weight."""
        if self.granularity == "tensor":
            return matrix.reshape(1, 1, -1)
        if self.granularity == "channel":
            return matrix.unsqueeze(1)
        missing = -matrix.shape[1] % self.group_size
        if missing:
            matrix = torch.cat([matrix, matrix[:, -1:].expand(-1, missing)], dim=1)
        return matrix.reshape(len(matrix), -1, self.group_size)


def scales_up(reach: torch.Tensor, steps: int) -> torch.Tensor:
    """reach / steps in fp16, rounded up so that the reach still is a level."""
    scales = (reach / steps).clamp_(min=SMALLEST).half()
    short = scales.double() * steps < reach
    # The next larger number of a positive float has the next larger bits.
    above = (scales.view(torch.int16) + 1).view(torch.float16)
    return torch.where(short, above, scales)


class RoundedWeights(nn.Module):
    """Rounds a model's weights after each update; what the optimizer did to the rounded ones is added to a finer copy of them.

    The gradient of the rounded weights moves the finer ones: the straight-through estimator (Bengio et al. 2013,
    arXiv:1308.3432, section 4), as in Jacob et al. 2018, arXiv:1712.05877, section 3, with the range of the weights at each step.
    Unlike a parametrization this rounds recurrent layers and tables of embeddings as well. The copies are buffers, so that a
    checkpoint that holds this module beside the model resumes exactly. Weights that are zero at the beginning stay zero.
    """

    def __init__(self, weights: dict[str, nn.Parameter], rounding: Rounding):
        """Rounds the weights at once, in place."""
        super().__init__()
        self._weights, self._rounding = list(weights.values()), rounding
        for number, weight in enumerate(self._weights):
            self.register_buffer(f"fine_{number}", weight.detach().clone())
            self.register_buffer(f"kept_{number}", weight.detach() != 0)
            with torch.no_grad():
                weight.copy_(rounding.nearest(weight))
            self.register_buffer(f"seen_{number}", weight.detach().clone())

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """Move the finer weights as the rounded ones were moved, and round again."""
        for number, weight in enumerate(self._weights):
            fine, kept, seen = (self.get_buffer(f"{name}_{number}") for name in ("fine", "kept", "seen"))
            fine.add_((weight - seen) * kept)
            seen.copy_(self._rounding.nearest(fine))
            weight.copy_(seen)


def read_as_blocks(module: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that ONNX Runtime can read in blocks: those of linear layers and of tables of embeddings."""
    layers = {name for name, layer in module.named_modules() if isinstance(layer, (nn.Linear, nn.Embedding))}
    return {name: weight for name, weight in prunable_weights(module).items() if name.rpartition(".")[0] in layers}
