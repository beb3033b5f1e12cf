"""Ranking: score every item for a person by the items taken before; judged by the ten that come out first.

The outputs [batch, items] of a model already have the items of the history far below all others. torch is imported inside the
loss only, so that the serving process can present answers without it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kdui.core.answers import Items, RankedItem
from kdui.core.contracts import TaskFacts
from kdui.core.metric import NDCG, Metric
from kdui.core.problem import Problem
from kdui.core.statistics.intervals import wilson
from kdui.core.statistics.paired import Difference
from kdui.core.statistics.ratios import over_ratios, ratio_interval
from kdui.problems.ranking import score

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows


class Ranking(Problem):
    """Cross-entropy over all items, the mean over a person's next ones (``targets`` [batch, most], −100 behind the last)."""

    name: ClassVar[str] = "ranking"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("scores", ("batch", "item"))

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Mean cross-entropy over people, in nats."""
        from kdui.problems.row_losses import cross_entropy

        return cross_entropy(outputs, targets)

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """One row a person; its target [most] are several items."""
        from kdui.problems.dense_rows import DenseRows

        return DenseRows(outputs, targets)

    def summarize(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """See ``score.values_of``."""
        import torch

        return torch.from_numpy(score.values_of(outputs.float().cpu().numpy(), targets.cpu().numpy()))

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same of a graph's outputs."""
        return score.values_of(outputs, targets)

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy over people, in nats."""
        return float(values[:, score.LOSS].mean(dtype=np.float64))

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """NDCG@10, the share of people with a right item among the first ten, and the share of the catalogue that is shown."""
        return [
            (NDCG, self.headline(values, targets)),
            (score.HIT_RATE, 100 * float(values[:, score.HIT].mean(dtype=np.float64))),
            (score.COVERAGE, score.coverage(values, facts.outputs)),
        ]

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """NDCG@10, the mean over people."""
        return float(values[:, score.GAIN].mean(dtype=np.float64))

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """Of the mean over people, by a t-test."""
        low, high = ratio_interval(values[:, score.GAIN], np.ones(len(values)))
        return max(0.0, low), min(1.0, high)

    def intervals(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> dict[str, tuple[float, float]]:
        """Of the headline, of the hit rate by Wilson, of the coverage by the jackknife over people."""
        low, high = wilson(float(values[:, score.HIT].mean()), len(values))
        return {
            NDCG.name: self.interval(values, targets),
            score.HIT_RATE.name: (100 * low, 100 * high),
            score.COVERAGE.name: score.coverage_interval(values, facts.outputs),
        }

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``ndcg`` of each person."""
        return {"ndcg": values[:, score.GAIN]}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """In NDCG@10, paired by person."""
        gains = ours["ndcg"] - theirs["ndcg"]
        return over_ratios(gains, np.ones(len(gains)), NDCG.sign)

    def answer(self, outputs: np.ndarray, facts: TaskFacts, raw: Any, folder: Path, target: Any = None) -> tuple[Items]:
        """The first ten of one row of scores [items], by the names in the model's folder."""
        from kdui.modalities.interactions.prepare import item_names

        names = item_names(folder)
        first = np.argsort(-outputs, kind="stable")[: score.FIRST]
        rows = (RankedItem(name=names[at], score=float(outputs[at])) for at in first)
        return (Items(rows=tuple(rows)),)


PROBLEM = Ranking()
