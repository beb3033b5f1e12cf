"""Language modelling: learn to predict the next token, judged in bits per byte."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kdui.core.answers import AnswerPart
from kdui.core.contracts import TaskFacts, TaskSplit
from kdui.core.metric import BITS_PER_BYTE, Metric
from kdui.core.problem import Problem
from kdui.core.statistics.paired import Difference
from kdui.core.statistics.ratios import over_ratios, ratio_interval
from kdui.problems.language_model import score
from kdui.tasks.examples import Examples

if TYPE_CHECKING:
    import torch

    from kdui.core.rows import Rows
    from kdui.problems.language_model.learn import TokenOutputs

SAMPLED = 16  # tokens for each one whose distribution is kept to compare two models: a row of a real vocabulary is 200 kB


class LanguageModelling(Problem):
    """Cross-entropy of each token after its first; ``targets`` [n] are the texts' bytes, which only scoring reads."""

    name: ClassVar[str] = "language-model"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("logits", ("batch", "length", "token"))
    graph_batch: ClassVar[int] = 8
    ragged: ClassVar[bool] = True

    def with_written(self, split: TaskSplit, texts: Mapping[int, str]) -> TaskSplit:
        """The same with some texts replaced."""
        whole = [texts.get(place, own) for place, own in enumerate(split.inputs)]
        return Examples(whole, np.array([len(text.encode()) for text in whole], dtype=np.int64))

    def compute(self, module: "torch.nn.Module", inputs: "Mapping[str, torch.Tensor]") -> "TokenOutputs":
        """States of a batch, to be turned into logits a chunk at a time."""
        from kdui.problems.language_model.learn import compute

        return compute(module, inputs)

    def loss(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> "torch.Tensor":
        """Mean cross-entropy of the batch's tokens, in nats."""
        from kdui.problems.row_losses import cross_entropy

        means = self.rows(outputs, targets).mean(lambda rows: {"loss": cross_entropy(rows.logits, rows.target)})
        return means["loss"]

    def rows(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> "Rows":
        """One row a token, padding left out."""
        from kdui.problems.language_model.learn import token_rows

        return token_rows(outputs)

    def counted(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> int:
        """The tokens that are predicted."""
        return self.rows(outputs, targets).count

    def summarize(self, outputs: "TokenOutputs", targets: "torch.Tensor") -> "torch.Tensor":
        """Nats, correct first choices and tokens of each text, [batch, 3]."""
        from kdui.problems.language_model.learn import text_sums

        return text_sums(outputs)

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same from a graph's logits [batch, length, vocabulary]."""
        return score.array_sums(outputs, inputs)

    def distributions(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The distribution at every sixteenth real token."""
        rows: np.ndarray = outputs[inputs["attention_mask"] == 1][::SAMPLED].astype(np.float32)
        return rows

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Mean cross-entropy of a token, in nats."""
        return score.loss(values)

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """Bits per byte, perplexity, next-token accuracy, bytes per token."""
        return score.figures(values, targets)

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Bits per byte."""
        return score.bits_per_byte(values, targets)

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """The interval of bits ÷ bytes over texts."""
        low, high = ratio_interval(values[:, 0] / math.log(2), targets)
        return low, high

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``bits`` and ``bytes`` of each text."""
        return {"bits": values[:, 0] / math.log(2), "bytes": targets}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """In bits per byte; plus is better, that is fewer bits."""
        return over_ratios(ours["bits"] - theirs["bits"], ours["bytes"], BITS_PER_BYTE.sign)

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """Nothing: a text is continued token by token, see ``kdui/serving/streams.py``."""
        return ()


PROBLEM = LanguageModelling()
