"""Two models on the same test examples: their paired difference, flips, and harm by class. Pure numpy."""

from typing import Any

import numpy as np
from pydantic import Field

from kdui.core.contracts import TaskFacts
from kdui.core.plain import Frozen
from kdui.core.statistics.paired import Difference, Discordant, over_examples


class Comparison(Frozen):
    """A model beside a reference on n paired examples; shares are 0..1."""

    n: int
    paired: Difference = Field(description="headline of the model − headline of the reference, points")
    flips: float = Field(description="share of examples whose predicted label differs from the reference's")
    negative_flips: float = Field(description="share of examples that the reference has right and the model wrong")
    positive_flips: float = Field(description="share of examples that the reference has wrong and the model right")

    def row(self) -> dict[str, Any]:
        """The columns of a frame: the difference with its interval in points, the test, and the shares."""
        shares = self.model_dump(exclude={"paired"})
        interval = self.paired.model_dump(include={"low", "high", "p_value", "detectable"})
        return {**shares, "difference": self.paired.value, **interval, "shown": self.paired.is_shown}


class ClassScore(Frozen):
    """Precision and recall of one label in %, and how many examples have it."""

    label: str
    precision: float
    recall: float
    count: int


def compare(predicted: np.ndarray, reference: np.ndarray, targets: np.ndarray, parts: np.ndarray | None = None) -> Comparison:
    """Labels [n] that a model predicted beside those of its reference, and the true ones; ``parts`` as in ``paired``."""
    right, theirs = predicted == targets, reference == targets
    return Comparison(
        n=len(targets),
        paired=paired(right, theirs, parts),
        flips=float((predicted != reference).mean()),
        negative_flips=float((theirs & ~right).mean()),
        positive_flips=float((right & ~theirs).mean()),
    )


def paired(right: np.ndarray, theirs: np.ndarray, parts: np.ndarray | None = None) -> Difference:
    """Correctness [n] of a model and of its reference on the same examples, as a difference in points.

    ``parts`` [n]: to which of several tasks an example belongs, where the headline is the mean of theirs.
    """
    groups = [np.ones(len(right), bool)] if parts is None else [parts == part for part in np.unique(parts)]
    return over_examples(
        [Discordant(int((theirs & ~right)[own].sum()), int((right & ~theirs)[own].sum()), int(own.sum())) for own in groups]
    )


def class_scores(predicted: np.ndarray, targets: np.ndarray, labels: tuple[str, ...]) -> list[ClassScore]:
    """One row a label of the task; a label never predicted has precision 0, one without examples recall 0."""
    scores = []
    for number, label in enumerate(labels):
        positives, predicted_positives = targets == number, predicted == number
        hits = int((positives & predicted_positives).sum())
        precision, recall = (100.0 * hits / max(1, int(of.sum())) for of in (predicted_positives, positives))
        scores.append(ClassScore(label=label, precision=precision, recall=recall, count=int(positives.sum())))
    return scores


def macro_scores(predicted: np.ndarray, targets: np.ndarray, labels: int) -> tuple[float, float, float]:
    """Means over all labels of precision, recall and F1, 0..1; a label never predicted has precision 0, one without examples
    recall 0.

    As scikit-learn's ``precision_recall_fscore_support`` with ``average="macro"``, whose import takes longer than judging does.
    """
    named, real, hits = (np.bincount(of, minlength=labels)[:labels] for of in (predicted, targets, targets[predicted == targets]))
    precision, recall, f1 = hits / np.maximum(1, named), hits / np.maximum(1, real), 2 * hits / np.maximum(1, named + real)
    return float(precision.mean()), float(recall.mean()), float(f1.mean())


def most_frequent(targets: np.ndarray, facts: TaskFacts) -> tuple[float, str]:
    """The share in % of the most frequent label among targets [n], and its name."""
    counts = np.bincount(targets, minlength=facts.outputs)
    return 100 * float(counts.max()) / len(targets), facts.answer.truth(int(counts.argmax()))
