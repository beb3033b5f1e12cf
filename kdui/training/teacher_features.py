"""A teacher's intermediate features over the training data, kept as fp16 rows: hidden states, queries and keys, maps, features.

A row belongs to one token, or to one whole example where values do not come by token; offsets say which rows are whose, so that
no padding is stored. Epochs of matching then cost no pass of the teacher.
"""

import os
from pathlib import Path

import numpy as np
import torch

from kdui.core.artifact import Artifact

RESIDENT_BYTES = 1 << 30


class FeatureWriter:
    """Writes one point's values batch by batch into a mapped file; call ``close`` at the end.

    ``counts`` [views · n] holds the rows of each example: its tokens where values come ``by_token``, else one.
    """

    def __init__(self, folder: Path, name: str, counts: np.ndarray, by_token: bool):
        self._by_token = by_token
        self._path = folder / f"{name}.npy"
        self._offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        np.save(folder / f"{name}.offsets.npy", self._offsets)
        self._rows: np.ndarray | None = None

    def write(self, examples: np.ndarray, values: torch.Tensor) -> None:
        """``values`` [batch, ...] of these examples; of values by token [batch, length, width] the padding is left out."""
        halves = values.float().clamp(-65504, 65504).cpu().numpy().astype(np.float16)
        if self._rows is None:
            width = halves.shape[2:] if self._by_token else halves.shape[1:]
            self._rows = np.lib.format.open_memmap(self._path, "w+", np.float16, (int(self._offsets[-1]), *width))
            reserve(self._path)
        if not self._by_token:
            self._rows[self._offsets[examples]] = halves
            return
        for example, rows in zip(examples, halves, strict=True):
            start, end = self._offsets[example], self._offsets[example + 1]
            self._rows[start:end] = rows[: end - start]

    def close(self) -> tuple[int, ...]:
        """Flush the file; returns the shape of one row."""
        assert self._rows is not None
        shape = tuple(self._rows.shape[1:])
        if isinstance(self._rows, np.memmap):
            self._rows.flush()
        self._rows = None
        return shape


def reserve(path: Path) -> None:
    """Take the file's whole size on the disk now, so that a full disk is an OSError: a mapped write to it would end the process.

    Only where the system can reserve; elsewhere the file stays as it is.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


class CachedFeatures:
    """One point's cached values, on the device when they are small, else mapped from the file."""

    def __init__(self, artifact: Artifact, name: str, count: int, by_token: bool, device: torch.device):
        """``count``: examples in one view."""
        mapped = np.load(artifact.file(f"{name}.npy"), mmap_mode="r", allow_pickle=False)
        self._offsets = torch.from_numpy(np.load(artifact.file(f"{name}.offsets.npy"), allow_pickle=False))
        self._count, self._device, self._mapped = count, device, mapped
        self._views = (len(self._offsets) - 1) // count
        self._by_token = by_token
        self._resident = torch.from_numpy(np.array(mapped)).to(device) if mapped.nbytes <= RESIDENT_BYTES else None

    def __call__(self, index: torch.Tensor, view: int, length: int | None = None) -> torch.Tensor:
        """Values of these examples in this view, fp32; those by token padded with zeros to ``length``."""
        examples = index.cpu() + (view % self._views) * self._count
        start = self._offsets[examples]
        if not self._by_token:
            return self._rows(start)
        ends = self._offsets[examples + 1]
        longest = length or int((ends - start).max())
        places = start[:, None] + torch.arange(longest)
        inside = places < ends[:, None]
        rows = self._rows(places.clamp(max=int(self._offsets[-1]) - 1).flatten())
        return rows.view(len(index), longest, -1) * inside.to(self._device)[..., None]

    def _rows(self, places: torch.Tensor) -> torch.Tensor:
        if self._resident is not None:
            return self._resident[places.to(self._device)].float()
        order, back = torch.unique(places, return_inverse=True)  # a mapped file is read in its own order, each row once
        return torch.from_numpy(np.array(self._mapped[order.numpy()])).float()[back].to(self._device)
