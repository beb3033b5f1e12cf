"""A teacher's outputs over the training data: asked once, kept as fp16, mapped into memory.

Any temperature and soft weight can then be tried without the teacher, and an epoch of distillation costs what an
epoch of plain training costs.
"""

from pathlib import Path

import numpy as np
import torch

from kdui.core.artifact import Artifact

FILE = "outputs.npy"


def write_outputs(folder: Path, outputs: np.ndarray) -> None:
    """Keep outputs [views, n, ...] as fp16: a logit of 20 is then off by at most 0.008, far below what training feels."""
    np.save(folder / FILE, np.clip(outputs, -65504, 65504).astype(np.float16))


class TeacherOutputs:
    """Cached outputs by view and example, on the device when they are small, else mapped from the file."""

    RESIDENT_BYTES = 512 << 20

    def __init__(self, artifact: Artifact, device: torch.device):
        self._mapped = np.load(artifact.file(FILE), mmap_mode="r", allow_pickle=False)
        self._device = device
        small = self._mapped.nbytes <= self.RESIDENT_BYTES
        self._resident = torch.from_numpy(np.array(self._mapped)).to(device) if small else None

    @property
    def views(self) -> int:
        return int(self._mapped.shape[0])

    @property
    def count(self) -> int:
        """Examples in one view."""
        return int(self._mapped.shape[1])

    def __call__(self, index: torch.Tensor, view: int) -> torch.Tensor:
        """Outputs [batch, ...] of these examples in this view, fp32."""
        view %= self.views
        if self._resident is not None:
            return self._resident[view, index.to(self._device)].float()
        return torch.from_numpy(np.array(self._mapped[view, index.numpy()])).to(self._device).float()
