"""Residual stages of basic blocks, as He et al. 2016 (arXiv:1512.03385, section 4.2) build them for small images."""

from collections.abc import Callable

import torch
from torch import nn

from kdui.models.convolution import ConvUnit


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut; the shortcut is a 1×1 convolution where the shape changes."""

    def __init__(self, inside: int, outside: int, stride: int, gate: nn.Module | None = None):
        super().__init__()
        self.body = nn.Sequential(ConvUnit(inside, outside, stride=stride), ConvUnit(outside, outside, relu=False))
        self.gate = gate or nn.Identity()
        self.shortcut = _shortcut(inside, outside, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.gate(self.body(x)) + self.shortcut(x))


def _shortcut(inside: int, outside: int, stride: int) -> nn.Module:
    """What a strided 1×1 convolution computes, in two steps.

    oneDNN's gradient of the strided one writes past its memory where there are fewer channels than a vector is wide
    (oneDNN of PyTorch 2.13, AVX2, channels last, below 8 channels), and pruning may leave any number of them.
    """
    if stride == 1 and inside == outside:
        return nn.Identity()
    mix = ConvUnit(inside, outside, kernel=1, relu=False)
    return mix if stride == 1 else nn.Sequential(nn.MaxPool2d(1, stride), mix)


def residual_stages(
    image_channels: int, width: int, stages: int, blocks: int, gate: Callable[[int], nn.Module] | None = None
) -> tuple[nn.Sequential, int]:
    """A 3×3 stem and ``stages`` stages of ``blocks`` blocks, each stage half the size and twice as wide as the one before.

    ``gate`` makes what a block's body passes through before it is added. Returns the layers and their output channels.
    """
    layers: list[nn.Module] = [ConvUnit(image_channels, width)]
    channels = width
    for stage in range(stages):
        outside = width * 2**stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(ResidualBlock(channels, outside, stride, gate(outside) if gate else None))
            channels = outside
    return nn.Sequential(*layers), channels
