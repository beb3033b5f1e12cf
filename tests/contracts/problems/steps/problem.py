"""A toy problem: what a wave does at each of its places: falls, stays or rises. A row a place; fewer errors are better."""

from typing import ClassVar

import numpy as np
import torch

from kdui.core.answers import Ranked, RankedLabel
from kdui.core.metric import Metric
from kdui.core.problem import Problem
from kdui.core.statistics.ratios import over_ratios, ratio_interval
from kdui.problems.dense_rows import DenseRows
from kdui.problems.row_losses import cross_entropy
from kdui.problems.softmax import softmax

HIDDEN = -100  # what stands in the targets after the end of a wave
ERRORS = Metric(name="errors", title="Errors", unit="per 100 places", higher_is_better=False)
LOSS = Metric(name="step_loss", title="Loss", unit="nats", higher_is_better=False)
NAMES = ("falls", "stays", "rises")


class Steps(Problem):
    """Targets are [n, longest]; the values of a wave are its errors, its places and its loss."""

    name: ClassVar[str] = "steps"
    graph_batch: ClassVar[int] = 16
    ragged: ClassVar[bool] = True

    def rows(self, outputs, targets):
        targets = targets[:, : outputs.shape[1]]
        example, place = (targets != HIDDEN).nonzero(as_tuple=True)
        return DenseRows(outputs[example, place], targets[example, place], example)

    def loss(self, outputs, targets):
        return self.rows(outputs, targets).mean(lambda rows: {"loss": cross_entropy(rows.logits, rows.target)})["loss"]

    def summarize(self, outputs, targets):
        return torch.from_numpy(self.summarize_arrays(outputs.float().cpu().numpy(), {}, targets.cpu().numpy()))

    def summarize_arrays(self, outputs, inputs, targets):
        targets = targets[:, : outputs.shape[1]]
        known = targets != HIDDEN
        log_p = np.log(softmax(outputs))
        losses = -np.take_along_axis(log_p, np.where(known, targets, 0)[..., None], -1)[..., 0]
        wrong = (outputs.argmax(-1) != targets) & known
        return np.stack([wrong.sum(1), known.sum(1), np.where(known, losses, 0).sum(1)], axis=1).astype(np.float64)

    def distributions(self, outputs, inputs, targets):
        return outputs[targets[:, : outputs.shape[1]] != HIDDEN]

    def validation_loss(self, values, targets):
        return float(values[:, 2].sum() / values[:, 1].sum())

    def score(self, values, targets, facts):
        return [(LOSS, self.validation_loss(values, targets)), (ERRORS, self.headline(values, targets))]  # not first, on purpose

    def headline(self, values, targets):
        return float(100 * values[:, 0].sum() / values[:, 1].sum())

    def interval(self, values, targets):
        return ratio_interval(100 * values[:, 0], values[:, 1])

    def kept(self, values, targets):
        return {"errors": 100 * values[:, 0], "places": values[:, 1]}

    def difference(self, ours, theirs):
        return over_ratios(ours["errors"] - theirs["errors"], ours["places"], ERRORS.sign)

    def present(self, outputs, facts):
        shares = softmax(outputs).mean(0)
        best = np.argsort(-shares, kind="stable")
        return (Ranked(rows=tuple(RankedLabel(label=NAMES[place], probability=float(shares[place])) for place in best)),)


PROBLEM = Steps()
