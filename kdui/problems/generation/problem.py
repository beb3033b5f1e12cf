"""Generation: pictures made of noise, judged as a whole by their Fréchet distance from real ones.

Outputs are pictures [batch, height, width, channels] in 0..1, targets real ones uint8 that have nothing to do with the noise
beside them. torch is imported inside the methods that train, so that the serving process can present answers without it.
"""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PIL import Image

from kdui.core.answer_facts import Picture as PictureFacts
from kdui.core.answers import AnswerPart, Picture
from kdui.core.contracts import TaskFacts
from kdui.core.errors import StageFailed
from kdui.core.metric import FRECHET, Metric
from kdui.core.problem import Problem
from kdui.core.statistics.paired import Difference
from kdui.problems.generation import diversity, frechet
from kdui.problems.generation.judge import digest, judge
from kdui.problems.softmax import softmax

if TYPE_CHECKING:
    import torch

    from kdui.core.problem import Adversary
    from kdui.core.rows import OtherRows, Rows

COVERAGE = Metric(name="coverage", title="Coverage", unit="%")
PRECISION = Metric(name="precision", title="Picture precision", unit="%")
BALANCE = Metric(name="class_balance", title="Class balance", unit="%")
CLASS_COLUMNS = 2  # of the values: the judge's class of the made and of the real picture, behind both ones' features


class Generation(Problem):
    """Adversarial; the values of an example are the judge's features of its picture and of the real one beside it, and both
    classes: [n, 2 · features + 2]."""

    name: ClassVar[str] = "generation"
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("pictures", ("batch", "height", "width", "channel"))
    graph_batch: ClassVar[int] = 250
    row_truths: ClassVar[bool] = False
    judged_by: ClassVar[str] = f"in features of the classifier {digest()[:12]}"

    # --- learning ---

    def loss(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """There is none against single true pictures."""
        raise StageFailed(
            "A generator is trained by an adversary or by its teacher's pictures, not against single true pictures. Keep "
            "'soft_weight' above 0 where a stage fine-tunes, or set its epochs to 0."
        )

    def adversary(self, facts: TaskFacts, seed: int) -> "Adversary":
        """See ``generation.adversary``."""
        from kdui.problems.generation.adversary import adversary_of

        return adversary_of(facts, seed)

    def rows(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "Rows":
        """The levels of each pixel, [batch · pixels, channels]: by them pictures are matched. They are no distributions."""
        from kdui.problems.dense_rows import DenseRows

        return DenseRows(outputs.flatten(0, -2))

    def matched(self, outputs: "torch.Tensor", theirs: "OtherRows") -> "dict[str, torch.Tensor]":
        """``pictures``: mean absolute difference of two models' pictures of the same noise, levels in 0..1."""
        from torch.nn import functional

        return {"pictures": functional.l1_loss(outputs.flatten(0, -2).float(), theirs.part(0, theirs.count).float())}

    def taught(self, outputs: np.ndarray) -> np.ndarray:
        """The pixels of each picture, [batch, pixels, channels]."""
        return outputs.reshape(len(outputs), -1, outputs.shape[-1])

    def summarize(self, outputs: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        """See the class."""
        import torch

        return torch.from_numpy(self.summarize_arrays(outputs.float().cpu().numpy(), {}, targets.cpu().numpy()))

    # --- judging ---

    def summarize_arrays(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """The same of a graph's pictures."""
        made, real = judge(outputs), judge(targets)
        classes = [each.logits.argmax(1)[:, None].astype(np.float32) for each in (made, real)]
        return np.concatenate([made.features, real.features, *classes], axis=1)

    def mask_to_task(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Each level as the share of light: log-probabilities [..., 2] of dark and of light, by which graphs are compared."""
        light = np.clip(outputs, 1e-4, 1 - 1e-4)
        return np.concatenate([np.log1p(-light), np.log(light)], axis=-1) if outputs.shape[-1] == 1 else np.log(light)

    def distributions(self, outputs: np.ndarray, inputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Those of all pixels."""
        shares = self.mask_to_task(outputs, targets)
        return shares.reshape(-1, shares.shape[-1])

    def validation_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """The Fréchet distance: nothing else is lower where a generator is better."""
        return self.headline(values, targets)

    def score(self, values: np.ndarray, targets: np.ndarray, facts: TaskFacts) -> list[tuple[Metric, float]]:
        """The Fréchet distance, and what it does not tell apart: precision, coverage and class balance, in %."""
        made, real = _features(values)
        near = diversity.neighbourhood(made, real)
        ours, theirs = values[:, -CLASS_COLUMNS:].astype(np.int64).T
        assert isinstance(facts.answer, PictureFacts)
        return [
            (FRECHET, self.headline(values, targets)),
            (PRECISION, near.precision),
            (COVERAGE, near.coverage),
            (BALANCE, diversity.balance(ours, theirs, len(facts.answer.names))),
        ]

    def headline(self, values: np.ndarray, targets: np.ndarray) -> float:
        """The Fréchet distance of made from real pictures."""
        return frechet.frechet(*_features(values))

    def interval(self, values: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
        """By the bootstrap over noise and images."""
        return frechet.interval(*_features(values))

    def kept(self, values: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``made`` and ``real`` features, [n, k] each."""
        made, real = _features(values)
        return {"made": made, "real": real}

    def difference(self, ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> Difference:
        """How much lower our Fréchet distance is than theirs, for the same noise and images."""
        return frechet.difference(ours["made"], theirs["made"], ours["real"])

    def present(self, outputs: np.ndarray, facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """The picture, and what the judge takes it for."""
        assert isinstance(facts.answer, PictureFacts)
        shares = softmax(judge(outputs[None]).logits)[0]
        best = int(shares.argmax())
        return (Picture(image=_png(outputs), label=facts.answer.names[best], probability=float(shares[best])),)


def _features(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width = (values.shape[1] - CLASS_COLUMNS) // 2
    return values[:, :width], values[:, width : 2 * width]


def _png(picture: np.ndarray) -> str:
    """A picture [height, width, channels] in 0..1 as PNG in base64."""
    levels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


PROBLEM = Generation()
