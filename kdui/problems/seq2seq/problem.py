"""Sequence to sequence: learn to write the reference token by token, judged by what is written: chrF, with BLEU beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kdui.core.answers import AnswerPart
from kdui.core.code_points import code_points, text_of
from kdui.core.contracts import TaskFacts, TaskSplit
from kdui.core.metric import CHRF, PERPLEXITY, Metric
from kdui.core.padding import DECODER_IDS, DECODER_MASK
from kdui.core.problem import Problem
from kdui.core.statistics.paired import Difference
from kdui.problems import bootstrap
from kdui.problems.language_model import score
from kdui.problems.seq2seq import overlap
from kdui.tasks.examples import Examples

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows
    from kdui.problems.language_model.learn import TokenOutputs

SAMPLED = 16  # tokens for each one whose distribution is kept to compare two models


class SequenceToSequence(Problem):
    """``targets`` [n, longest] are the references' code points; a row is a token of the reference after those before it.

    Epochs are chosen by the perplexity of the references: writing all of them after each epoch would take as long as learning.
    """

    name: ClassVar[str] = "seq2seq"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("logits", ("batch", "written", "token"))
    graph_batch: ClassVar[int] = 32
    ragged: ClassVar[bool] = True
    judges_written: ClassVar[bool] = True
    row_tokens: ClassVar[str] = DECODER_IDS

    def target_arrays(self, targets: np.ndarray, settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
        """Token ids of the references and their mask."""
        from kdui.problems.seq2seq.decoder_tokens import decoder_arrays

        return decoder_arrays([text_of(row) for row in targets.tolist()], folder, int(settings["max_length"]))

    def blank_targets(self, shape: Mapping[str, Any], batch: int) -> dict[str, np.ndarray]:
        """Token ids of full length, all of them real."""
        return {name: np.ones((batch, shape["max_length"]), dtype=np.int64) for name in (DECODER_IDS, DECODER_MASK)}

    def tokenizer_texts(self, split: TaskSplit) -> Sequence[str]:
        """Inputs and references, so that both sides share one vocabulary."""
        return [*split.inputs, *self.written_texts(split)]

    def written_texts(self, split: TaskSplit) -> Sequence[str]:
        """The references."""
        return [text_of(row) for row in split.targets.tolist()]

    def with_written(self, split: TaskSplit, texts: Mapping[int, str]) -> TaskSplit:
        """The same inputs, some of them with a model's text as their reference."""
        references = enumerate(self.written_texts(split))
        return Examples(split.inputs, code_points([texts.get(place) or own for place, own in references]))

    # --- learning ---

    def compute(self, module: "torch.nn.Module", inputs: "Mapping[str, torch.Tensor]") -> "TokenOutputs":
        """The decoder's states of a batch, to be turned into logits a chunk at a time."""
        from kdui.problems.language_model.learn import TokenOutputs

        network: Any = module
        states = network.states(**inputs)
        return TokenOutputs(states, network.head, network.head.out_features, inputs[DECODER_IDS], inputs[DECODER_MASK])

    def loss(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> "torch.Tensor":
        """Mean cross-entropy of the references' tokens, in nats."""
        from kdui.problems.row_losses import cross_entropy

        means = self.rows(outputs, targets).mean(lambda rows: {"loss": cross_entropy(rows.logits, rows.target)})
        return means["loss"]

    def rows(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> "Rows":
        """One row a token of the reference and one for its end."""
        from kdui.problems.language_model.learn import token_rows

        return token_rows(outputs)

    def counted(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> int:
        """The tokens that are predicted."""
        return self.rows(outputs, targets).count

    def summarize(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> "torch.Tensor":
        """Nats, correct first choices and tokens of each reference, [batch, 3]."""
        from kdui.problems.language_model.learn import text_sums

        return text_sums(outputs)

    # --- judging: of references that are given token by token ---

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same from a graph's logits [batch, length, vocabulary]."""
        return score.array_sums(outputs, {"input_ids": inputs[DECODER_IDS], "attention_mask": inputs[DECODER_MASK]})

    def distributions(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The distribution at every sixteenth token of the references."""
        rows: np.ndarray = outputs[inputs[DECODER_MASK] == 1][::SAMPLED].astype(np.float32)
        return rows

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy of a token, in nats."""
        return score.loss(values)

    def watched(self, headline: Metric) -> Metric:
        """Perplexity."""
        return PERPLEXITY

    def watch(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Perplexity of the references' tokens."""
        return score.perplexity(values)

    # --- judging: of written texts ---

    def judge_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Counts of each written text against its reference, see ``overlap``."""
        written, references = ([text_of(row) for row in points.tolist()] for points in (outputs, targets))
        return overlap.counts(written, references)

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """chrF and BLEU of all written texts together."""
        sums = values.sum(0, dtype=np.float64)
        return [(CHRF, float(overlap.chrf(sums))), (overlap.BLEU, float(overlap.bleu(sums)))]

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """chrF."""
        return float(overlap.chrf(values.sum(0, dtype=np.float64)))

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """Of chrF, over sentences that are drawn again."""
        return bootstrap.interval(values, overlap.chrf)

    def intervals(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> dict[str, tuple[float, float]]:
        """Of both."""
        scores = {CHRF: overlap.chrf, overlap.BLEU: overlap.bleu}
        return {metric.name: bootstrap.interval(values, each) for metric, each in scores.items()}

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """The counts of each text."""
        return {"counts": values.astype(np.float32)}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """In chrF, paired by sentence."""
        return bootstrap.difference(ours["counts"].astype(np.float64), theirs["counts"].astype(np.float64), overlap.chrf)

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """Nothing: a text is written token by token, see ``kdui/serving/streams.py``."""
        return ()


PROBLEM = SequenceToSequence()
