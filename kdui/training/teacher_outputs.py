"""A teacher's outputs over the training data: computed once, kept as fp16, mapped into memory.

Any temperature and soft weight can then be tried without the teacher, and an epoch of distillation costs what an
epoch of plain training costs. Where there are very many classes (a vocabulary), only the largest of each row are kept.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from kdui.core.artifact import Artifact
from kdui.core.errors import StageFailed
from kdui.core.rows import OtherRows
from kdui.problems.dense_rows import DenseRows
from kdui.training.context import StepContext
from kdui.training.teacher_features import reserve
from kdui.training.teacher_rows import FACTS, CachedRows, largest

if TYPE_CHECKING:
    from kdui.training.loop import Batch

FILE, PLACES, REST = "outputs.npy", "places.npy", "rest.npy"
ANSWERED = "answered.npy"  # bool [n], where a teacher left some examples without an answer
MANY_CLASSES, TOP = 4096, 128


class OutputsWriter:
    """Writes outputs [views, n, ..., classes] batch by batch into mapped fp16 files; call ``close`` at the end.

    A logit of 20 is then off by at most 0.008, far below what training feels. Of more than ``many`` classes only the ``top``
    largest of each row are kept, with their places and the log-sum-exp of the rest. The disk's room is taken at the first batch,
    so that a full disk is an OSError there.
    """

    def __init__(self, folder: Path, views: int, count: int, many: int = MANY_CLASSES, top: int = TOP):
        """``count``: examples in one view."""
        self._folder, self._size, self._many, self._top = folder, (views, count), many, top
        self._files: dict[str, np.ndarray] = {}
        self._classes = 0

    def write(self, view: int, examples: np.ndarray, outputs: np.ndarray) -> None:
        """``outputs`` [batch, ..., classes] in fp32 of these examples [batch] in this view."""
        for name, rows in (self._largest(outputs) if outputs.shape[-1] > self._many else {FILE: _halved(outputs)}).items():
            if name not in self._files:
                self._files[name] = np.lib.format.open_memmap(
                    self._folder / name, "w+", rows.dtype, (*self._size, *rows.shape[1:])
                )
                reserve(self._folder / name)
            self._files[name][view, examples] = rows
        self._classes = outputs.shape[-1]

    def _largest(self, outputs: np.ndarray) -> dict[str, np.ndarray]:
        kept, _, _ = largest(torch.from_numpy(outputs).double().flatten(0, -2), self._top)
        values, places = (each.numpy().reshape(*outputs.shape[:-1], -1) for each in (kept.values, kept.places))
        rest = kept.rest.numpy().astype(np.float32).reshape(outputs.shape[:-1])
        return {FILE: _halved(values), PLACES: places.astype(np.int32), REST: rest}

    def close(self) -> tuple[int, ...]:
        """Flush the files; returns the shape of all outputs, those that were not kept too."""
        for kept in self._files.values():
            if isinstance(kept, np.memmap):
                kept.flush()
        if PLACES in self._files:
            (self._folder / "classes.txt").write_text(str(self._classes), encoding="ascii")
        return (*self._files[FILE].shape[:-1], self._classes)


def write_outputs(folder: Path, outputs: np.ndarray, many: int = MANY_CLASSES, top: int = TOP) -> None:
    """Keep outputs [views, n, ..., classes] that are all there already."""
    writer = OutputsWriter(folder, outputs.shape[0], outputs.shape[1], many, top)
    for view, rows in enumerate(outputs):
        writer.write(view, np.arange(len(rows)), rows)
    writer.close()


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
        self._many = PLACES in artifact.manifest.files
        self.classes = int(self._mapped.shape[-1])
        if self._many:
            self.classes = int(artifact.file("classes.txt").read_text(encoding="ascii"))
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
        if not self._many:
            return kept
        rest = self._read(self._rest, view, index)
        whole = rest.unsqueeze(-1).expand(*rest.shape, self.classes).clone()
        return whole.scatter(-1, self._read(self._places, view, index).long(), kept)

    def of_batch(self, batch: "Batch") -> OtherRows:
        """The teacher's rows of a batch: those of an example lie together."""
        return DenseRows(self(batch.index, batch.view).flatten(0, -2))

    def _read(self, mapped: np.ndarray, view: int, index: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.array(mapped[view, index.cpu().numpy()])).to(self._device)


def cached_rows(context: StepContext) -> TeacherOutputs | CachedRows:
    """The kept rows that the step reads; raises StageFailed as ``cached_outputs`` does."""
    artifact = context.inputs["outputs"]
    if FACTS not in artifact.manifest.files:
        return cached_outputs(context)
    _require_own(context, artifact)
    rows = CachedRows(artifact, context.device)
    needed = len(context.data.targets("train")[: context.settings.get("train_examples") or None])
    if rows.count < needed:
        raise StageFailed(
            f"The teacher's tokens of {rows.count:,} texts are kept, but the student trains on {needed:,}. Run the recipe again."
        )
    return rows


def _require_own(context: StepContext, artifact: Artifact) -> None:
    teacher = context.inputs.get("teacher")
    made_by = artifact.manifest.inputs.get("teacher", artifact.digest)  # a table of predictions is its own teacher
    if teacher is not None and made_by != teacher.digest:
        raise StageFailed("The cached outputs belong to another teacher. Run the recipe again, so that its own are kept.")


def answered(context: StepContext) -> np.ndarray | None:
    """The examples that the teacher of the kept outputs answered; None where it answered all, or where none are read."""
    artifact = context.inputs.get("outputs")
    if artifact is None or ANSWERED not in artifact.manifest.files:
        return None
    return np.flatnonzero(np.load(artifact.file(ANSWERED), allow_pickle=False))


def cached_outputs(context: StepContext, name: str = "outputs") -> TeacherOutputs:
    """The kept outputs that the step reads; raises StageFailed where they are another teacher's or belong to another task."""
    artifact = context.inputs[name]
    if name == "outputs":
        _require_own(context, artifact)
    outputs = TeacherOutputs(artifact, context.device)
    limit: Any = context.settings.get("train_examples")
    needed = len(context.data.targets("train")[: limit or None])
    if outputs.classes != context.facts.outputs or outputs.count < needed:
        raise StageFailed(
            f"The teacher gave {outputs.classes} values on {outputs.count:,} examples, but {context.facts.title} has "
            f"{context.facts.outputs} labels and the student trains on {needed:,} examples. Name a teacher of this very task."
        )
    return outputs
