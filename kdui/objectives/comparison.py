"""Two models on the same test examples: flips, McNemar's exact test, a paired bootstrap, and harm by class. Pure numpy."""

from fractions import Fraction

import numpy as np
from pydantic import Field

from kdui.core.plain import Frozen

DRAWS = 2000


class Comparison(Frozen):
    """A model beside a reference on n paired examples; shares are 0..1."""

    n: int
    difference: float = Field(description="accuracy of the model − accuracy of the reference, points")
    low: float = Field(description="of the 95 % paired bootstrap interval of the difference, points")
    high: float
    flips: float = Field(description="share of examples whose predicted label differs from the reference's")
    negative_flips: float = Field(description="share of examples that the reference has right and the model wrong")
    positive_flips: float = Field(description="share of examples that the reference has wrong and the model right")
    p_value: float = Field(description="of McNemar's exact test, two-sided")

    @property
    def is_shown(self) -> bool:
        """True where the test leaves chance out at 5 %."""
        return self.p_value < 0.05


class ClassScore(Frozen):
    """Precision and recall of one label in %, and how many examples have it."""

    label: str
    precision: float
    recall: float
    count: int


def compare(predicted: np.ndarray, reference: np.ndarray, targets: np.ndarray) -> Comparison:
    """Labels [n] that a model predicted beside those of its reference, and the true ones."""
    right, theirs = predicted == targets, reference == targets
    worse, better = int((theirs & ~right).sum()), int((right & ~theirs).sum())
    low, high = paired_bootstrap(right, theirs)
    n = len(targets)
    return Comparison(
        n=n,
        difference=100.0 * (better - worse) / n,
        low=low,
        high=high,
        flips=float((predicted != reference).mean()),
        negative_flips=worse / n,
        positive_flips=better / n,
        p_value=mcnemar(worse, better),
    )


def mcnemar(worse: int, better: int) -> float:
    """Exact two-sided p of McNemar's test (McNemar 1947): of the examples that one model alone has right, is each as likely?

    Twice the binomial tail of the smaller count at share 1/2, at most 1; exact integers, so that no count is too large.
    """
    n, tail, ways = worse + better, 0, 1
    for k in range(min(worse, better) + 1):
        tail += ways
        ways = ways * (n - k) // (k + 1)
    return min(1.0, float(Fraction(2 * tail, 2**n)))


def paired_bootstrap(right: np.ndarray, theirs: np.ndarray, draws: int = DRAWS) -> tuple[float, float]:
    """95 % percentile interval, in points, of the difference of two accuracies on the same examples; seeded.

    Drawing examples with replacement draws the numbers of (better, worse, alike) examples from a multinomial: the same, faster.
    """
    n = len(right)
    shares = np.array([(right & ~theirs).sum(), (theirs & ~right).sum(), (right == theirs).sum()]) / n
    drawn = np.random.default_rng(0).multinomial(n, shares, draws)
    difference = 100.0 * (drawn[:, 0] - drawn[:, 1]) / n
    return float(np.quantile(difference, 0.025)), float(np.quantile(difference, 0.975))


def class_scores(predicted: np.ndarray, targets: np.ndarray, labels: tuple[str, ...]) -> list[ClassScore]:
    """One row a label of the task; a label never predicted has precision 0, one without examples recall 0."""
    found = []
    for number, label in enumerate(labels):
        asked, said = targets == number, predicted == number
        hits = int((asked & said).sum())
        precision, recall = (100.0 * hits / max(1, int(of.sum())) for of in (said, asked))
        found.append(ClassScore(label=label, precision=precision, recall=recall, count=int(asked.sum())))
    return found
