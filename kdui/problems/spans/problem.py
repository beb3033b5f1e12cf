"""Spans: outputs [batch, 2, words] are the logits of each word to be an answer's first and its last one.

Two rows an example, so whatever matches rows distils start and end like any other distributions. Words that a model did not read
have the logit ``UNREAD``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kdui.core.answers import AnswerPart, Span, SpanWord
from kdui.core.contracts import TaskFacts, TaskSplit
from kdui.core.metric import SPAN_F1, Metric
from kdui.core.problem import Problem
from kdui.core.statistics.paired import Difference
from kdui.core.statistics.ratios import over_ratios, ratio_interval
from kdui.problems.softmax import log_softmax, softmax
from kdui.problems.spans.best_span import best_spans
from kdui.problems.spans.squad_rule import compared
from kdui.problems.spans.targets import HIDDEN, bounds, spoken, true_answers

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows

UNREAD = -100.0  # far below any logit: e^-100 of a probability, and still a number that halved precision holds
EXACT = Metric(name="exact_match", title="Exact match", unit="%")


class Spans(Problem):
    """The values of an example are its F1 and exact match in %, its nats over start and end, and how many of both are known."""

    name: ClassVar[str] = "spans"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("logits", ("batch", "end", "word"))
    graph_batch: ClassVar[int] = 16

    def tokenizer_texts(self, split: TaskSplit) -> list[str]:
        """Question and passage of each example."""
        return [f"{question} {passage}" for question, passage in split.inputs]

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """Start and end of each example, one after the other; a true word that was not read is hidden."""
        import torch

        from kdui.problems.dense_rows import DenseRows

        known = targets[:, :2]
        logit = outputs.detach().gather(2, known.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        target = known.masked_fill(logit <= UNREAD / 2, HIDDEN)
        example = torch.arange(len(outputs), device=outputs.device).repeat_interleave(2)
        return DenseRows(outputs.flatten(0, 1), target.flatten(), example)

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """Mean cross-entropy of the known starts and ends, in nats."""
        from kdui.problems.row_losses import cross_entropy

        return self.rows(outputs, targets).mean(lambda rows: {"loss": cross_entropy(rows.logits, rows.target)})["loss"]

    def summarize(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """F1, exact match, nats and known rows, [batch, 4]."""
        import torch

        return torch.from_numpy(self.summarize_arrays(outputs.float().cpu().numpy(), {}, targets.cpu().numpy()))

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same from a graph's outputs."""
        words, spans = outputs.shape[-1], best_spans(outputs)
        scores = [
            compared(spoken(target, first, last), true_answers(target, words))
            for target, (first, last) in zip(targets, spans, strict=True)
        ]
        true = bounds(targets)
        places = np.maximum(true, 0)[..., None]
        read = (true != HIDDEN) & (np.take_along_axis(outputs, places, -1)[..., 0] > UNREAD / 2)
        nats = -np.take_along_axis(log_softmax(outputs), places, -1)[..., 0]
        values: np.ndarray = np.concatenate(
            [100 * np.array(scores).reshape(-1, 2), np.where(read, nats, 0).sum(1, keepdims=True), read.sum(1, keepdims=True)],
            axis=1,
        )
        return values

    def distributions(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Start and end of each example."""
        return outputs.reshape(-1, outputs.shape[-1])

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy of a known start or end, in nats."""
        return float(values[:, 2].sum(dtype=np.float64) / max(1.0, values[:, 3].sum(dtype=np.float64)))

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """Mean F1 and the share of exact matches."""
        return [(SPAN_F1, self.headline(values, targets)), (EXACT, float(values[:, 1].mean(dtype=np.float64)))]

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean F1 in %."""
        return float(values[:, 0].mean(dtype=np.float64))

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """The t-interval of the mean F1 over questions, within 0 to 100 %."""
        low, high = ratio_interval(values[:, 0], np.ones(len(values)))
        return max(0.0, low), min(100.0, high)

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``f1`` and ``exact`` of each question, in %."""
        return {"f1": values[:, 0], "exact": values[:, 1]}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """Of F1, in points, paired by question."""
        return over_ratios(ours["f1"] - theirs["f1"], np.ones(len(ours["f1"])), SPAN_F1.sign)

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """Nothing: an answer is a piece of its passage, see ``answer``."""
        return ()

    def answer(self, outputs: np.ndarray, facts: TaskFacts, raw: Any, folder: Path, target: Any = None) -> tuple[Span]:
        """The passage word by word with each one's probabilities to be the first and the last, and the best span."""
        from kdui.modalities.passage.words import word_places

        passage = str(raw[1])
        first, last = (int(place) for place in best_spans(outputs[None])[0])
        start, end = softmax(outputs)
        read = int(np.flatnonzero(outputs[0] > UNREAD / 2).max(initial=-1)) + 1
        words = [passage[begin:stop] for begin, stop in word_places(passage)]
        last = min(last, len(words) - 1)
        return (
            Span(
                words=tuple(
                    SpanWord(text=word, start=float(start[place]), end=float(end[place])) if place < read else SpanWord(text=word)
                    for place, word in enumerate(words)
                ),
                first=min(first, last),
                last=last,
                read=min(read, len(words)),
            ),
        )

    def truth(self, target: Any, raw: Any, facts: TaskFacts) -> str:
        """The answer that is learned from, as it stands in the passage; empty where it is ambiguous."""
        from kdui.modalities.passage.words import span_text

        first, last = (int(place) for place in target[:2])
        return "" if first == HIDDEN else span_text(str(raw[1]), first, last)


PROBLEM = Spans()
