"""Classification: one label out of many for each example.

torch is imported inside the loss only, so that the serving process can present answers without it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kdui.core.answers import Ranked, RankedLabel
from kdui.core.contracts import TaskFacts
from kdui.core.metric import ACCURACY, Metric
from kdui.core.problem import Problem
from kdui.core.statistics.intervals import wilson
from kdui.core.statistics.paired import Difference
from kdui.problems.classification.comparison import macro_scores, most_frequent, paired
from kdui.problems.softmax import softmax

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows

PRECISION = Metric(name="macro_precision", title="Macro precision", unit="%")
RECALL = Metric(name="macro_recall", title="Macro recall", unit="%")
F1 = Metric(name="macro_f1", title="Macro F1", unit="%")
TOP5 = Metric(name="top5", title="Top-5 accuracy", unit="%")


class Classification(Problem):
    """Cross-entropy; accuracy is the headline, macro averages count rare classes as much as common ones."""

    name: ClassVar[str] = "classification"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("logits", ("batch", "label"))

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Mean cross-entropy of logits [batch, classes] against labels [batch], in nats; half precision is widened first."""
        from kdui.problems.row_losses import cross_entropy

        return cross_entropy(outputs, targets)

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """One row an example."""
        from kdui.problems.dense_rows import DenseRows

        return DenseRows(outputs, targets)

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy over a split's logits [n, classes], in nats."""
        import torch

        return float(self.loss(torch.from_numpy(values), torch.from_numpy(targets)))

    def score(self, outputs: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """Accuracy, macro precision, recall and F1 in %, over all labels of the task; a label never predicted has precision 0.

        Above five labels also the share of examples whose label is among the five highest outputs.
        """
        predicted = outputs.argmax(-1)
        precision, recall, f1 = macro_scores(predicted, targets, len(facts.labels))
        accuracy = float((predicted == targets).mean())
        scores = [(ACCURACY, accuracy), (PRECISION, precision), (RECALL, recall), (F1, f1)]
        if len(facts.labels) > 5:
            scores.append((TOP5, float((np.argsort(-outputs, axis=-1, kind="stable")[:, :5] == targets[:, None]).any(1).mean())))
        return [(metric, 100.0 * float(value)) for metric, value in scores]

    def headline(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """Accuracy in %, the value that chooses the best epoch."""
        return 100.0 * float((outputs.argmax(-1) == targets).mean())

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """Wilson's interval of the share of correct predictions, in %."""
        low, high = wilson(self.headline(values, targets) / 100, len(targets))
        return 100 * low, 100 * high

    def label_logits(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The values themselves."""
        return values

    def constant(self, targets: np.ndarray, facts: TaskFacts) -> tuple[float, str]:
        """The share in % of the most frequent label."""
        return most_frequent(targets, facts)

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``right``: whether each prediction is correct."""
        return {"right": values.argmax(-1) == targets}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """In points."""
        return paired(ours["right"], theirs["right"], ours.get("part"))

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[Ranked]:
        """Softmax of one row of logits [classes], most probable first."""
        probabilities = softmax(outputs)
        order = np.argsort(-probabilities, kind="stable")
        rows = (RankedLabel(label=facts.labels[index], probability=float(probabilities[index])) for index in order)
        return (Ranked(rows=tuple(rows)),)


PROBLEM = Classification()
