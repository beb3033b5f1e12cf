"""A teacher's outputs over the training data: asked once, kept as fp16, mapped into memory.

Any temperature and soft weight can then be tried without the teacher, and an epoch of distillation costs what an
epoch of plain training costs. Where there are very many classes (a vocabulary), only the largest of each row are kept.
"""

from pathlib import Path

import numpy as np
import torch

from kdui.core.artifact import Artifact

FILE, PLACES, REST = "outputs.npy", "places.npy", "rest.npy"
MANY_CLASSES, TOP = 4096, 128


def write_outputs(folder: Path, outputs: np.ndarray, many: int = MANY_CLASSES, top: int = TOP) -> None:
    """Keep outputs [views, n, ..., classes] as fp16: a logit of 20 is then off by at most 0.008, far below what training feels.

    Of more than ``many`` classes only the ``top`` largest of each row are kept, with their places and the log-sum-exp
    of the rest.
    """
    if outputs.shape[-1] <= many:
        np.save(folder / FILE, _halved(outputs))
        return
    places = np.argpartition(-outputs, top, axis=-1)[..., :top].astype(np.int32)
    values = np.take_along_axis(outputs, places, axis=-1)
    others = outputs.astype(np.float64)
    np.put_along_axis(others, places, -np.inf, axis=-1)
    largest = others.max(axis=-1)
    rest = largest + np.log(np.exp(others - largest[..., None]).sum(axis=-1))
    np.save(folder / FILE, _halved(values))
    np.save(folder / PLACES, places)
    np.save(folder / REST, (rest - np.log(outputs.shape[-1] - top)).astype(np.float32))
    (folder / "classes.txt").write_text(str(outputs.shape[-1]), encoding="ascii")


def _halved(outputs: np.ndarray) -> np.ndarray:
    return np.clip(outputs, -65504, 65504).astype(np.float16)


class TeacherOutputs:
    """Cached outputs by view and example, on the device when they are small, else mapped from the file."""

    RESIDENT_BYTES = 512 << 20

    def __init__(self, artifact: Artifact, device: torch.device):
        self._device = device
        self._mapped = np.load(artifact.file(FILE), mmap_mode="r", allow_pickle=False)
        small = self._mapped.nbytes <= self.RESIDENT_BYTES
        self._resident = torch.from_numpy(np.array(self._mapped)).to(device) if small else None
        self._classes = 0
        if PLACES in artifact.manifest.files:
            self._classes = int(artifact.file("classes.txt").read_text(encoding="ascii"))
            self._places = np.load(artifact.file(PLACES), mmap_mode="r", allow_pickle=False)
            self._rest = np.load(artifact.file(REST), mmap_mode="r", allow_pickle=False)

    @property
    def views(self) -> int:
        return int(self._mapped.shape[0])

    @property
    def count(self) -> int:
        """Examples in one view."""
        return int(self._mapped.shape[1])

    def __call__(self, index: torch.Tensor, view: int) -> torch.Tensor:
        """Outputs [batch, ..., classes] of these examples in this view, fp32; classes that were not kept share the rest."""
        view %= self.views
        if self._resident is not None:
            kept = self._resident[view, index.to(self._device)].float()
        else:
            kept = self._read(self._mapped, view, index).float()
        if not self._classes:
            return kept
        rest = self._read(self._rest, view, index)
        whole = rest.unsqueeze(-1).expand(*rest.shape, self._classes).clone()
        return whole.scatter(-1, self._read(self._places, view, index).long(), kept)

    def _read(self, mapped: np.ndarray, view: int, index: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.array(mapped[view, index.cpu().numpy()])).to(self._device)
