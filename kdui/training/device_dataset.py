"""A split kept whole on the device: batches are index operations, not a loader's work.

Text is batched by length, so that little is padded; examples can be changed by fixed views, images by shifts and mirroring,
sounds by speed, shifts, tone and noise.
"""

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from kdui.core.padding import DECODER_MASK, MASK, mask_of
from kdui.training.labels import Labels
from kdui.training.moved_boxes import moved_boxes
from kdui.training.scattered import hashed, scattered
from kdui.training.sound_views import varied

# Batches sorted by length together: larger chunks pad less but make batches homogeneous, since length correlates with the class.
SORTED_CHUNK = 8


class Augmentation(Protocol):
    """Another way to change examples by view than shifts: see ``training.augmentation``."""

    def __call__(self, data: "ResidentData", index: torch.Tensor, view: int) -> dict[str, torch.Tensor]:
        """The named inputs of a batch in this view; ``index`` is on the data's device."""


class ResidentData:
    """Named input tensors [n, ...] and targets [n, ...], integers or floats, of one split on one device."""

    def __init__(
        self, arrays: dict[str, np.ndarray], targets: np.ndarray, device: torch.device, limit: int = 0, mirror: bool = False
    ):
        count = min(limit, len(targets)) if limit else len(targets)
        self.arrays = {name: torch.from_numpy(np.ascontiguousarray(array[:count])).to(device) for name, array in arrays.items()}
        # Pictures stay bytes: as long integers those of a data set take eight times the room.
        kind = np.float32 if targets.dtype.kind == "f" else np.uint8 if targets.dtype == np.uint8 else np.int64
        self.targets = torch.from_numpy(np.ascontiguousarray(targets[:count]).astype(kind)).to(device)
        self.device, self.mirror = device, mirror
        self.augmentation: Augmentation | None = None
        self.erase = 0.0
        self.boxes = False  # whether targets are boxes in pixels
        self.by_length = True  # whether batches are of texts of like length, which pad little
        self._drawn: torch.Tensor | None = None
        self._real = {name: array.sum(1).cpu() for name, array in self.arrays.items() if name in (MASK, DECODER_MASK)}
        self.lengths = self._real.get(MASK)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def example_values(self) -> int:
        """How many numbers the largest input of an example has."""
        return max(array[0].numel() for array in self.arrays.values()) if len(self) else 1

    def set_labels(self, labels: Labels) -> None:
        """Replace the targets by what training uses, and let epochs draw from its examples alone."""
        self.targets = torch.from_numpy(labels.targets[: len(self)].astype(np.int64)).to(self.device)
        drawn = torch.from_numpy(np.asarray(labels.drawn, dtype=np.int64))
        self._drawn = drawn if len(drawn) < len(self) else None

    def batches(self, size: int, seed: int, epoch: int) -> list[torch.Tensor]:
        """The order of one epoch as index tensors: decided by seed and epoch alone, so it can be resumed anywhere.

        Examples of one size are numbered on the data's device, so that no step waits for its numbers to be copied there.

        Where epochs draw from a part of the examples, that part is gone through again and again until the epoch has as many
        steps as one over the whole split: equal epochs then mean equal compute, however few labels there are.
        """
        generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
        order = self._order(generator)
        if self.lengths is None:
            return list(order.to(self.device).split(size))
        if not self.by_length:
            return list(order.split(size))
        grouped: list[torch.Tensor] = []
        for chunk in order.split(size * SORTED_CHUNK):
            grouped += list(chunk[torch.argsort(self.lengths[chunk], stable=True)].split(size))
        return [grouped[index] for index in torch.randperm(len(grouped), generator=generator).tolist()]

    def _order(self, generator: torch.Generator) -> torch.Tensor:
        if self._drawn is None:
            return torch.randperm(len(self), generator=generator)
        passes = -(-len(self) // len(self._drawn))
        orders = [self._drawn[torch.randperm(len(self._drawn), generator=generator)] for _ in range(passes)]
        return torch.cat(orders)[: len(self)]

    def inputs(self, index: torch.Tensor, view: int | None = None) -> dict[str, torch.Tensor]:
        """The named inputs of a batch, trimmed to its longest text; ``view`` picks a fixed augmentation."""
        index = index.to(self.device)
        if view is not None and self.augmentation is not None:
            return self.augmentation(self, index, view)
        batch = {name: tensor[index] for name, tensor in self.arrays.items()}
        if self._real:  # known here, so that no step waits for a device to tell its lengths
            longest = {name: int(real[index.cpu()].max()) for name, real in self._real.items()}
            batch = {
                name: tensor[:, : longest[mask]] if (mask := mask_of(name, longest)) else tensor for name, tensor in batch.items()
            }
        if view is not None and "samples" in batch:
            batch["samples"] = varied(batch["samples"], index, view)
        if view is not None and "pixels" in batch:
            batch["pixels"] = augmented(batch["pixels"], index, view, self.mirror)
            if self.erase:
                batch["pixels"] = erased(batch["pixels"], index, view, self.erase)
        return batch

    def targets_of(self, index: torch.Tensor, view: int | None = None) -> torch.Tensor:
        """The targets of a batch; a map of a picture's places moves with the picture's view, and so do boxes."""
        index = index.to(self.device)
        targets = self.targets[index]
        pixels = self.arrays.get("pixels")
        if view is not None and pixels is not None and self.boxes:
            size = (pixels.shape[-2], pixels.shape[-1])
            reach, down, right, mirrored = drawn_view(index, view, size)
            return moved_boxes(targets, reach - down, reach - right, mirrored & self.mirror, size)
        if view is None or pixels is None or targets.shape[1:] != pixels.shape[2:]:
            return targets
        return augmented(targets.unsqueeze(1), index, view, self.mirror).squeeze(1)

    def in_order(self, size: int) -> Iterator[torch.Tensor]:
        """Index tensors over the whole split, texts of like length together."""
        order = torch.argsort(self.lengths, stable=True) if self.lengths is not None else torch.arange(len(self))
        yield from order.split(size)


def augmented(pixels: torch.Tensor, index: torch.Tensor, view: int, mirror: bool, shift: bool = True) -> torch.Tensor:
    """View ``view`` of images [batch, channels, height, width]: shifted by up to an eighth, half of them mirrored.

    A shift is a crop of the image with an edge of zeros. That of example i in view v is the same in every process, so a
    teacher's cached outputs belong to the image that the student sees ("function matching", Beyer et al. 2022, section 3).
    """
    height, width = pixels.shape[-2:]
    reach, down, right, mirrored = drawn_view(index, view, (height, width), shift)
    padded = functional.pad(pixels, (reach, reach, reach, reach))
    rows = down[:, None] + torch.arange(height, device=pixels.device)
    columns = right[:, None] + torch.arange(width, device=pixels.device)
    if mirror:
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    batch = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    return padded[batch, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def drawn_view(
    index: torch.Tensor, view: int, size: tuple[int, int], shift: bool = True
) -> tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]:
    """What view ``view`` does to images of ``size`` (height, width): how far it reaches, where the crop of the image with an edge
    that wide begins, down and right [batch], and whether it is mirrored [batch]."""
    reach = max(1, math.ceil(min(size) / 8) - 1) if shift else 0
    mixed = hashed(index, view)
    return reach, mixed % (2 * reach + 1), (mixed // 97) % (2 * reach + 1), (mixed // 7919) % 2 == 0


def erased(pixels: torch.Tensor, index: torch.Tensor, view: int, share: float) -> torch.Tensor:
    """Images [batch, channels, height, width] with noise in place of a rectangle, in about ``share`` of them.

    Random erasing (Zhong et al. 2020, algorithm 1) with the paper's bounds: 2 to 40 % of the area, sides from 0.3 to 1/0.3,
    cut off where they would reach over the edge; random values within. Which, where and what is fixed for each example and view.
    """
    size = pixels.shape[-2:]
    drawn = hashed(index, view)
    whether, area, aspect, *at = (scattered(drawn + 1_640_531_513 * part) for part in range(5))
    shape = torch.exp((2 * aspect - 1) * math.log(1 / 0.3))  # height over width
    covered = (0.02 + 0.38 * area) * math.prod(size)
    inside = torch.ones(len(pixels), 1, 1, dtype=torch.bool, device=pixels.device)
    for axis, side in enumerate(((covered * shape).sqrt(), (covered / shape).sqrt())):
        length = side.round().clamp(1, size[axis])
        first = (at[axis] * (size[axis] - length + 1)).floor()
        place = torch.arange(size[axis], device=pixels.device)
        along = (place >= first[:, None]) & (place < (first + length)[:, None])
        inside = inside & (along[:, :, None] if axis == 0 else along[:, None, :])
    inside = inside & (whether < share)[:, None, None]
    pixel = torch.arange(pixels[0].numel(), device=pixels.device).view(pixels.shape[1:])
    noise = scattered(drawn[:, None, None, None] + 977 * (pixel + 1)).to(pixels.dtype)
    return torch.where(inside[:, None], noise, pixels)
