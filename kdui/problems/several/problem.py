"""Several tasks at once: the outputs of all are one row, and each example uses the slice of its own task.

The target says which task an example belongs to. torch is imported inside only, as in classification.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kdui.catalogue.tasks import TASKS
from kdui.core.answers import Ranked, RankedLabel
from kdui.core.contracts import TaskFacts
from kdui.core.metric import Metric
from kdui.core.problem import Problem
from kdui.core.statistics.intervals import wilson
from kdui.core.statistics.paired import Difference
from kdui.problems.classification.comparison import most_frequent, paired
from kdui.problems.softmax import softmax

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows

# Logit for labels of other tasks: softmax ≈ 0 at any temperature; finite, unlike -inf, so differences stay finite.
OTHER_TASK = -1e5


class Several(Problem):
    """Cross-entropy within the example's own task; the headline is the mean of the tasks' accuracies."""

    name: ClassVar[str] = "several"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("logits", ("batch", "label"))

    def __init__(self, facts: TaskFacts):
        self.parts = facts.parts
        widths = [TASKS[part].outputs for part in facts.parts]
        self.part_of_label = np.repeat(np.arange(len(widths)), widths)

    def mask_to_task(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Outputs [n, labels] of all tasks with the logits of every task but the example's own masked far below."""
        own = self.part_of_label[targets][:, None] == self.part_of_label[None, :]
        return np.where(own, outputs, OTHER_TASK).astype(np.float32)

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Mean cross-entropy over the example's own task's labels, in nats; outputs [batch, labels of all], targets [batch]."""
        from kdui.problems.row_losses import cross_entropy

        return cross_entropy(self._masked(outputs, targets), targets)

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """One row an example, in which the labels of the other tasks are out of reach."""
        from kdui.problems.dense_rows import DenseRows

        return DenseRows(self._masked(outputs, targets), targets)

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy over a split's logits [n, labels of all], in nats."""
        import torch

        return float(self.loss(torch.from_numpy(values), torch.from_numpy(targets)))

    def _masked(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """``mask_to_task`` for tensors, with gradient; fp32 where they were of half precision."""
        import torch

        from kdui.problems.row_losses import widened

        part = torch.from_numpy(self.part_of_label).to(outputs.device)
        return widened(outputs).masked_fill(part[targets].unsqueeze(1) != part.unsqueeze(0), OTHER_TASK)

    def accuracies(self, outputs: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Accuracy in % by task, for those that have examples here."""
        right, part = self.mask_to_task(outputs, targets).argmax(-1) == targets, self.part_of_label[targets]
        return {
            name: 100.0 * float(right[part == number].mean()) for number, name in enumerate(self.parts) if (part == number).any()
        }

    def score(self, outputs: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """The mean of the tasks' accuracies, then each of them, in %.

        Its interval is computed as of one share over all examples: with parts of about equal size that is no narrower than it
        should be.
        """
        accuracies = self.accuracies(outputs, targets)
        each = [
            (Metric(name=f"accuracy_{name.replace('-', '_')}", title=f"Accuracy, {TASKS[name].title}", unit="%"), value)
            for name, value in accuracies.items()
        ]
        return [(facts.headline, float(np.mean(list(accuracies.values())))), *each]

    def headline(self, outputs: np.ndarray, targets: np.ndarray) -> float:
        """Mean of the tasks' accuracies in %, the value that chooses the best epoch."""
        return float(np.mean(list(self.accuracies(outputs, targets).values())))

    def parts_of(self, targets: np.ndarray) -> np.ndarray:
        """The index of the task that each example belongs to."""
        parts: np.ndarray = self.part_of_label[targets]
        return parts

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """Wilson's interval of the share of correct predictions, in %."""
        low, high = wilson(self.headline(values, targets) / 100, len(targets))
        return 100 * low, 100 * high

    def label_logits(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Masked to the example's own task."""
        return self.mask_to_task(values, targets)

    def constant(self, targets: np.ndarray, facts: TaskFacts) -> tuple[float, str]:
        """The share in % of the most frequent label of all parts."""
        return most_frequent(targets, facts)

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``right``: whether each prediction is correct, and ``part``: of which task it is."""
        return {"right": self.mask_to_task(values, targets).argmax(-1) == targets, "part": self.parts_of(targets)}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """In points."""
        return paired(ours["right"], theirs["right"], ours.get("part"))

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[Ranked]:
        """One row of outputs as ranked labels of several tasks: first the best of each, then the rest by probability."""
        rows: list[RankedLabel] = []
        best: list[RankedLabel] = []
        for number, name in enumerate(self.parts):
            places = np.flatnonzero(self.part_of_label == number)
            ranked = [
                RankedLabel(label=facts.labels[place], probability=float(share), part=TASKS[name].title)
                for place, share in zip(places, softmax(outputs[places]), strict=True)
            ]
            ranked.sort(key=lambda row: -row.probability)
            best.append(ranked[0])
            rows += ranked[1:]
        return (Ranked(rows=(*best, *sorted(rows, key=lambda row: -row.probability))),)


def of(facts: TaskFacts) -> Several:
    """The problem of a task that names its parts."""
    return Several(facts)
