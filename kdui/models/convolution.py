"""What the convolutional families share: scaled pixels in, global mean over space, one linear head."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts


class PixelScale(nn.Module):
    """Shift and scale pixels inside the model, so that an exported graph takes plain 0..1 pixels [n, c, h, w]."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: list[float], std: list[float]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return (pixels - self.mean) / self.std


class ConvUnit(nn.Sequential):
    """Convolution, batch normalisation and, unless disabled, ReLU; keeps the size at stride 1."""

    def __init__(self, inside: int, outside: int, *, kernel: int = 3, stride: int = 1, groups: int = 1, relu: bool = True):
        layers: list[nn.Module] = [
            nn.Conv2d(inside, outside, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outside),
        ]
        super().__init__(*layers, *([nn.ReLU()] if relu else []))


def units(inside: int, outside: int, separable: bool) -> list[nn.Module]:
    """A 3×3 convolution, or in its place a 3×3 filter a channel and a 1×1 mix (Howard et al. 2017, arXiv:1704.04861)."""
    if not separable:
        return [ConvUnit(inside, outside)]
    return [ConvUnit(inside, inside, groups=inside), ConvUnit(inside, outside, kernel=1)]


def plain_stages(channels: int, options: Mapping[str, Any]) -> tuple[list[nn.Module], int]:
    """``stages`` stages of ``depth`` 3×3 convolutions, ``width`` channels in the first, twice as wide after each 2×2 pooling.

    ``channels``: what comes in; returns the layers and the channels that come out.
    """
    layers: list[nn.Module] = []
    for stage in range(options["stages"]):
        if stage:
            layers.append(nn.MaxPool2d(2))
        for _ in range(options["depth"]):
            layers.append(ConvUnit(channels, options["width"] * 2**stage))
            channels = options["width"] * 2**stage
    return layers, channels


class ConvClassifier(nn.Module):
    """Features [n, channels, h, w] of scaled pixels, their mean over space, and a linear head.

    No channel count stands in ``forward``: whatever surgery leaves is what runs.
    """

    def __init__(self, features: nn.Module, channels: int, facts: TaskFacts):
        super().__init__()
        image_channels = facts.input["channels"]
        self.scale = PixelScale([0.5] * image_channels, [0.5] * image_channels)
        self.features = features
        self.head = nn.Linear(channels, facts.outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(self.scale(pixels)).mean(dim=(2, 3)))


def image_inputs(options: Mapping[str, Any], facts: TaskFacts) -> InputSettings:
    """Examples as the task shapes them: height, width and channels."""
    return InputSettings(modality="image", settings={key: facts.input[key] for key in ("height", "width", "channels")})
