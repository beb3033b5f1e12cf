"""The teacher's distributions for a batch: from the cache, or computed now."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from kdui.core.artifact import Artifact
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.rows import OtherRows, Rows
from kdui.core.runner import USUAL, Runner
from kdui.models.black_box.spec import FAMILY
from kdui.models.layer_refs import Point, Taps
from kdui.problems import problem_of
from kdui.runtime.confined import ConfinedSession, Limits
from kdui.runtime.foreign_graph import require_numbers
from kdui.runtime.runners import open_runner
from kdui.training.context import StepContext
from kdui.training.device import autocast
from kdui.training.device_dataset import ResidentData
from kdui.training.fit import resident
from kdui.training.initial_weights import load_input
from kdui.training.loop import Batch
from kdui.training.predicting import Gathered, Keep, predict_each
from kdui.training.saved import SavedModel
from kdui.training.teacher_outputs import cached_rows

FOREIGN = FAMILY.name
TeacherRows = Callable[[Batch], OtherRows]


def teacher_of(context: StepContext) -> TeacherRows:
    """The teacher's rows of a batch: cached ones where the step reads ``outputs``, else those that it computes now."""
    if "outputs" in context.inputs:
        return cached_rows(context).of_batch
    return LiveTeacher(context, load_input(context, "teacher")).rows


class WholeTeacher:
    """Asks the step's ``teacher`` about whole splits, be it a model with weights or a graph that ONNX Runtime runs."""

    def __init__(self, context: StepContext):
        artifact = context.inputs["teacher"]
        self._session: Any = None
        self._module: nn.Module | None = None
        if artifact.manifest.produces == "onnx":
            self.inputs, self.folder = read_inputs(artifact.path), artifact.path
            self._session = graph_session(context, artifact)
        else:
            saved = load_input(context, "teacher")
            self.inputs, self.folder = saved.inputs, saved.folder
            self._module = saved.module.to(context.device)

    def __call__(self, data: ResidentData, view: int | None = None, check: Callable[[float], None] | None = None) -> np.ndarray:
        """Outputs [n, ...] in fp32 over a split, in its order; raises StageFailed where a graph gives no numbers."""
        whole = Gathered(len(data), check)
        self.each(data, whole, view)
        assert whole.outputs is not None, "a split is never empty"
        return whole.outputs

    def each(self, data: ResidentData, keep: Keep, view: int | None = None) -> None:
        """The same handed to ``keep`` batch by batch."""
        if self._module is not None:
            predict_each(self._module, data, keep, view=view)
            return
        for index in data.in_order(64):
            batch = {name: tensor.cpu().numpy() for name, tensor in data.inputs(index, view).items()}
            keep(index.numpy(), require_numbers(self._session.run(None, batch)[0]))


def graph_session(context: StepContext, artifact: Artifact) -> Runner:
    """What runs an ONNX artifact: a session of this process, or one with limits for a graph from outside."""
    path = artifact.file(MODEL_FILE)
    limits = limits_of(context, artifact)
    if limits is None:
        return open_runner(USUAL, path)
    return ConfinedSession(path, limits, check=context.report.check, what="The teacher's ONNX file")


def judged_session(context: StepContext, artifact: Artifact) -> Runner:
    """What gives the outputs that scores are of: the graph, or, where texts are judged, what it writes."""
    session = graph_session(context, artifact)
    if not problem_of(context.facts).judges_written:
        return session
    from kdui.runtime.written_texts import WrittenTexts

    return WrittenTexts(session, artifact.path)


def limits_of(context: StepContext, *artifacts: Artifact) -> Limits | None:
    """What a process that runs these graphs may take; None where all of them are our own."""
    foreign = any(artifact.manifest.summary.get("family") == FOREIGN for artifact in artifacts)
    return Limits.of(context.app_settings) if foreign else None


class LiveTeacher:
    """Runs the teacher in every batch, on the same view of the example that the student sees."""

    def __init__(self, context: StepContext, teacher: SavedModel, points: tuple[Point, ...] = ()):
        self._module = teacher.module.to(context.device).eval()
        self._data = resident(context, "train", teacher.inputs, teacher.folder, context.settings.get("train_examples", 0))
        self._augment = bool(context.settings.get("augment")) or "augmentation" in context.settings
        self._device, self._points, self._problem = context.device, points, problem_of(context.facts)
        self._taps = Taps(self._module, points)

    def rows(self, batch: Batch) -> OtherRows:
        """Its rows of a batch, in fp32; a chunk's logits are computed when they are read."""
        return FrozenRows(self._problem.rows(self._outputs(batch), batch.targets), self._device)

    def _outputs(self, batch: Batch) -> Any:
        with torch.no_grad(), autocast(self._device):
            inputs = self._data.inputs(batch.index, batch.view if self._augment else None)
            return self._problem.compute(self._module, inputs)

    def values(self, batch: Batch) -> list[torch.Tensor]:
        """The intermediate features at its points, fp32; runs the teacher once more."""
        self._outputs(batch)
        return [self._taps[point].float() for point in self._points]


class FrozenRows:
    """A teacher's rows: fp32, without gradient."""

    def __init__(self, rows: Rows, device: torch.device):
        self._rows, self._device = rows, device
        self.count, self.choices = rows.count, rows.choices

    def part(self, start: int, stop: int) -> torch.Tensor:
        """Logits of these rows."""
        with torch.no_grad(), autocast(self._device):
            return self._rows.part(start, stop).float()
