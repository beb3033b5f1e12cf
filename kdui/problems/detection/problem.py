"""Detection: the boxes of the objects in an image, and the class of each.

Outputs are [batch, rows, columns, classes + 4], a cell of 8 × 8 pixels each: logits of the classes, the background first, and
the distances to a box's sides (see ``cells``). Targets are boxes [batch, most, 5]: class from 1, left, top, right and bottom in
pixels, right and bottom outside; rows of zeros fill up. torch is imported inside the methods that train, so that the serving
process can present answers without it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kdui.core.answers import AnswerPart
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_AP, Metric
from kdui.core.problem import Problem
from kdui.core.rows import OtherRows
from kdui.core.statistics.paired import Difference
from kdui.problems.detection.average_precision import Scores, average_precision
from kdui.problems.detection.boxes_part import boxes_part
from kdui.problems.detection.decode import COLUMNS, MOST, SIDES, kept_boxes
from kdui.problems.detection.matches import matches
from kdui.problems.resampling import drawn, ends, paired_difference
from kdui.problems.softmax import log_softmax

if TYPE_CHECKING:
    import onnx
    import torch

    from kdui.core.rows import Rows

AP50 = Metric(name="ap50", title="AP50", unit="%")
DRAWS, SEED = 400, 2014  # of images, for intervals


class Detection(Problem):
    """Cross-entropy of cells and GIoU of boxes; the values of an image are its kept boxes and its loss, [n, MOST · 6 + 1]."""

    name: ClassVar[str] = "detection"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("cells", ("batch", "row", "column", "value"))
    graph_batch: ClassVar[int] = 16
    shows_truth: ClassVar[bool] = True
    target_boxes: ClassVar[bool] = True

    # --- learning ---

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """One row for each cell, image by image; one without an object counts less."""
        import torch

        from kdui.problems.detection.cells import BACKGROUND, taught_cells
        from kdui.problems.detection.rows import CellRows

        count, rows, columns, width = outputs.shape
        classes = taught_cells(targets, rows, columns).classes.flatten()
        weight = torch.where(classes > 0, 1.0, BACKGROUND)
        example = torch.arange(count, device=outputs.device).repeat_interleave(rows * columns)
        return CellRows(outputs.reshape(-1, width), classes, weight, example)

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Weighted mean cross-entropy of the cells, in nats; the loss of boxes comes from ``beside``."""
        from kdui.problems.row_losses import cross_entropy

        means = self.rows(outputs, targets).mean(lambda rows: {"loss": cross_entropy(rows.logits, rows.target, rows.weight)})
        return means["loss"]

    def beside(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """``boxes``: 1 − GIoU with the true boxes, mean over cells with an object."""
        from kdui.problems.detection.cells import box_loss, sides, taught_cells

        taught = taught_cells(targets, *outputs.shape[1:3])
        return {"boxes": box_loss(sides(outputs).flatten(1, 2), taught.distances, (taught.classes > 0).float())}

    def matched(self, outputs: "torch.Tensor", theirs: OtherRows) -> "dict[str, torch.Tensor]":
        """``teacher_boxes``: 1 − GIoU with the teacher's boxes, each cell as probable as the teacher finds an object in it."""
        import torch

        from kdui.problems.detection.cells import box_loss, sides

        cells = theirs.part(0, outputs[..., 0].numel()).float()
        weight = 1 - torch.softmax(cells[:, :-SIDES], dim=-1)[:, 0]
        return {"teacher_boxes": box_loss(sides(outputs).reshape(-1, SIDES), sides(cells), weight)}

    def taught(self, outputs: np.ndarray) -> np.ndarray:
        """All cells, [batch, cells, classes + 4]."""
        return outputs.reshape(len(outputs), -1, outputs.shape[-1])

    def complete_graph(self, model: "onnx.ModelProto") -> None:
        """Boxes after non-maximum suppression as a second output."""
        from kdui.problems.detection.graph_boxes import add_boxes

        add_boxes(model)

    def summarize(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """See the class."""
        import torch

        values = self.summarize_arrays(outputs.float().cpu().numpy(), {}, targets.cpu().numpy())
        return torch.from_numpy(values)

    # --- judging ---

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same from a graph's outputs."""
        import torch

        from kdui.problems.detection.cells import BACKGROUND, taught_cells

        classes = taught_cells(torch.from_numpy(targets), *outputs.shape[1:3]).classes.numpy()
        nats = -np.take_along_axis(log_softmax(self.taught(outputs)[..., :-SIDES]), classes[..., None], -1)[..., 0]
        weight = np.where(classes > 0, 1.0, BACKGROUND)
        losses = (nats * weight).sum(1) / weight.sum(1)
        return np.concatenate([kept_boxes(outputs).reshape(len(outputs), -1), losses[:, None]], axis=1)

    def mask_to_task(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The logits of classes alone: by them a cell predicts the same as another model's, or not."""
        return outputs[..., :-SIDES]

    def distributions(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Those of all cells."""
        return outputs[..., :-SIDES].reshape(-1, outputs.shape[-1] - SIDES)

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy of a cell, in nats."""
        return float(values[:, -1].mean())

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """mAP and AP50 in %."""
        whole = _whole(self.kept(values, targets))
        return [(MEAN_AP, float(whole.mean[0])), (AP50, float(whole.at_half[0]))]

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """mAP in %."""
        return float(_whole(self.kept(values, targets)).mean[0])

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """Of mAP, over images that are drawn again."""
        return ends(_again(self.kept(values, targets)).mean)

    def intervals(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> dict[str, tuple[float, float]]:
        """Of both."""
        again = _again(self.kept(values, targets))
        return {MEAN_AP.name: ends(again.mean), AP50.name: ends(again.at_half)}

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``classes``, ``scores`` and ``hits`` [n, MOST] of each image's boxes, and ``true`` [n, classes] how many there are."""
        boxes = values[:, : MOST * COLUMNS].reshape(-1, MOST, COLUMNS)
        labels = np.arange(1, int(targets[..., 0].max(initial=1)) + 1)
        return {
            "classes": boxes[..., 0].astype(np.int64),
            "scores": boxes[..., 1],
            "hits": matches(boxes, targets),
            "true": (targets[..., :1] == labels).sum(1),
        }

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """In points of mAP, paired by image."""
        value = float(_whole(ours).mean[0] - _whole(theirs).mean[0])
        return paired_difference(value, _again(ours).mean - _again(theirs).mean, len(ours["true"]))

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """Nothing: boxes are shown over their image, see ``answer``."""
        return ()

    def answer(self, outputs: np.ndarray, facts: TaskFacts, raw: Any, folder: Path, target: Any = None) -> tuple[AnswerPart, ...]:
        """The boxes over the image; beside them the true ones, where they are known."""
        return (boxes_part(facts.answer.choices, raw, kept_boxes(outputs[None])[0], target),)


def _whole(kept: Mapping[str, np.ndarray]) -> Scores:
    return average_precision(kept, np.ones((1, len(kept["true"]))))


def _again(kept: Mapping[str, np.ndarray]) -> Scores:
    return average_precision(kept, drawn(len(kept["true"]), DRAWS, SEED))


PROBLEM = Detection()
