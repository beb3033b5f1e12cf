"""Segmentation: a class for each pixel of an image.

Outputs are logits [batch, height, width, classes], targets class maps [batch, height, width]. torch is imported inside the
methods that train, so that the serving process can present answers without it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kdui.core.answers import AnswerPart
from kdui.core.contracts import TaskFacts
from kdui.core.metric import MEAN_IOU, Metric
from kdui.core.problem import Problem
from kdui.core.statistics.paired import Difference
from kdui.problems.segmentation import overlap
from kdui.problems.segmentation.mask_part import mask_part
from kdui.problems.segmentation.places import SEED, places_of
from kdui.problems.softmax import softmax

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows

DICE = Metric(name="mean_dice", title="Mean Dice", unit="%")
PIXEL_ACCURACY = Metric(name="pixel_accuracy", title="Pixel accuracy", unit="%")


class Segmentation(Problem):
    """Cross-entropy of sampled pixels; the values of an image are its pixels by class and its loss: [n, 3 · classes + 1]."""

    name: ClassVar[str] = "segmentation"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("logits", ("batch", "height", "width", "class"))
    graph_batch: ClassVar[int] = 16
    rows_seed: ClassVar[int | None] = SEED
    shows_truth: ClassVar[bool] = True

    # --- learning ---

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """One row for each of the sampled pixels, image by image."""
        import torch

        from kdui.problems.dense_rows import DenseRows

        count, classes = len(outputs), outputs.shape[-1]
        places = torch.from_numpy(places_of(outputs[0, ..., 0].numel())).to(outputs.device)
        logits = outputs.reshape(count, -1, classes)[:, places]
        example = torch.arange(count, device=outputs.device).repeat_interleave(len(places))
        return DenseRows(logits.flatten(0, 1), targets.reshape(count, -1)[:, places].flatten(), example)

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Mean cross-entropy of the sampled pixels, in nats."""
        from kdui.problems.row_losses import cross_entropy

        means = self.rows(outputs, targets).mean(lambda rows: {"loss": cross_entropy(rows.logits, rows.target)})
        return means["loss"]

    def taught(self, outputs: np.ndarray) -> np.ndarray:
        """The sampled pixels, [batch, pixels, classes]."""
        flat = outputs.reshape(len(outputs), -1, outputs.shape[-1])
        return flat[:, places_of(flat.shape[1])]

    def summarize(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """See the class."""
        import torch

        return torch.from_numpy(self.summarize_arrays(outputs.float().cpu().numpy(), {}, targets.cpu().numpy()))

    # --- judging ---

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same from a graph's logits."""
        counted = overlap.counts(outputs.argmax(-1), targets, outputs.shape[-1])
        log_p = np.log(np.maximum(softmax(self.taught(outputs)), np.finfo(np.float32).tiny))
        rows = self.taught(targets[..., None])
        losses = -np.take_along_axis(log_p, rows, -1)[..., 0].mean(1)
        return np.concatenate([counted, losses[:, None]], axis=1)

    def distributions(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Those of the sampled pixels."""
        return self.taught(outputs).reshape(-1, outputs.shape[-1])

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy of a pixel, in nats."""
        return float(values[:, -1].mean())

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """Mean IoU over all classes, mean Dice over those but the background, and the share of pixels predicted rightly, in %."""
        counted = _counts(values)
        right = 100 * float(counted.shared.sum() / counted.true.sum())
        return [(MEAN_IOU, self.headline(values, targets)), (DICE, overlap.mean_dice(counted)), (PIXEL_ACCURACY, right)]

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean IoU in %."""
        counted = _counts(values)
        return overlap.mean_iou(counted.shared, counted.joined)

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """Over images."""
        counted = _counts(values)
        return overlap.interval(counted.shared, counted.joined)

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``shared`` and ``joined`` pixels of each image and class, [n, classes]."""
        counted = _counts(values)
        return {"shared": counted.shared, "joined": counted.joined}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """In points of mean IoU."""
        return overlap.difference((ours["shared"], ours["joined"]), (theirs["shared"], theirs["joined"]))

    def constant(self, targets: np.ndarray, facts: TaskFacts) -> tuple[float, str]:
        """The mean IoU of predicting the most frequent class for every pixel."""
        shares = np.bincount(targets.ravel(), minlength=facts.outputs) / targets.size
        return 100 * float(shares.max() / (shares > 0).sum()), facts.answer.choices[int(shares.argmax())]

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """Nothing: a mask is shown over its image, see ``answer``."""
        return ()

    def answer(self, outputs: np.ndarray, facts: TaskFacts, raw: Any, folder: Path, target: Any = None) -> tuple[AnswerPart, ...]:
        """The class of each pixel over the image; beside it the true ones, where they are known."""
        return (mask_part(facts.answer.choices, raw, outputs.argmax(-1), target),)


def _counts(values: np.ndarray) -> overlap.Counts:
    classes = (values.shape[1] - 1) // 3
    return overlap.Counts(*(values[:, start : start + classes].astype(np.float64) for start in range(0, 3 * classes, classes)))


PROBLEM = Segmentation()
