"""What the teacher says about a batch: from its cached answers, or by asking it now."""

from collections.abc import Callable

import torch

from kdui.models.points import Point
from kdui.models.taps import Taps
from kdui.training.context import StepContext
from kdui.training.device import autocast
from kdui.training.learning import resident
from kdui.training.loop import Batch
from kdui.training.saved import SavedModel
from kdui.training.starting import load_input
from kdui.training.teacher_outputs import TeacherOutputs

Asks = Callable[[Batch], torch.Tensor]


def teacher_of(context: StepContext) -> Asks:
    """The teacher's outputs on a batch, fp32: cached ones where the step reads ``outputs``, else the ``teacher`` itself."""
    if "outputs" in context.inputs:
        cached = TeacherOutputs(context.inputs["outputs"], context.device)
        return lambda batch: cached(batch.index, batch.view)
    live = LiveTeacher(context, load_input(context, "teacher"))
    return lambda batch: live(batch)


class LiveTeacher:
    """Asks the teacher in every batch, on the same view of the example that the student sees."""

    def __init__(self, context: StepContext, teacher: SavedModel, points: tuple[Point, ...] = ()):
        self._module = teacher.module.to(context.device).eval()
        self._data = resident(context, "train", teacher.inputs, teacher.folder, context.settings.get("train_examples", 0))
        self._augment = bool(context.settings.get("augment"))
        self._device, self._points = context.device, points
        self._taps = Taps(self._module, points)

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Outputs [batch, ...] in fp32."""
        with torch.no_grad(), autocast(self._device):
            outputs: torch.Tensor = self._module(**self._data.inputs(batch.index, batch.view if self._augment else None))
        return outputs.float()

    def values(self, batch: Batch) -> list[torch.Tensor]:
        """The inner values at its points, fp32; asks the teacher once more."""
        self(batch)
        return [self._taps[point].float() for point in self._points]
