"""What a problem must offer: what to learn, and how to judge it. Nothing here knows classification: it is one among several."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from kdui.core.answers import AnswerPart
from kdui.core.contracts import TaskFacts, TaskSplit
from kdui.core.errors import KduiError
from kdui.core.metric import Metric

if TYPE_CHECKING:
    import numpy as np
    import torch

    from kdui.core.rows import OtherRows, Rows
    from kdui.core.statistics.paired import Difference


class Adversary(Protocol):
    """A module of torch that is trained against a model and beside it, where no loss against true answers is known.

    ``betas``: decays of Adam's moments for both.
    """

    betas: tuple[float, float]

    def losses(self, outputs: Any, others: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """Named losses of a batch of outputs and of what they should look like, ``total`` among them: its gradients move both."""


class Learning(Protocol):
    """What a training needs of a problem: how outputs come about, and how a split's are judged to find the best epoch."""

    def compute(self, module: "torch.nn.Module", inputs: "Mapping[str, torch.Tensor]") -> Any:
        """The outputs of a batch of named inputs."""
        return module(**inputs)

    def summarize(self, outputs: Any, targets: "torch.Tensor") -> "torch.Tensor":
        """What scoring takes of a batch, an entry an example: [batch, ...]."""
        tensor: torch.Tensor = outputs
        return tensor

    def beside(self, outputs: Any, targets: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """Named losses against the true targets of what outputs hold beside their rows; every training adds them to its total."""
        return {}

    def counted(self, outputs: Any, targets: "torch.Tensor") -> int:
        """Over how many a batch's loss is the mean: its share where losses of several batches make one."""
        return len(targets)

    def validation_loss(self, values: "np.ndarray", targets: "np.ndarray") -> float:
        """The loss over a whole split, in nats."""

    def headline(self, values: "np.ndarray", targets: "np.ndarray") -> float:
        """The headline metric alone."""

    def watched(self, headline: Metric) -> Metric:
        """By which the best epoch is chosen on validation data: the headline, where it is quick to compute."""
        return headline

    def watch(self, values: "np.ndarray", targets: "np.ndarray") -> float:
        """The value of ``watched`` over a whole split."""
        return self.headline(values, targets)


class Problem(Learning, Protocol):
    """``problems/NAME/problem.py``: what to learn and how to judge it. Losses carry names; they become chart series.

    The *outputs* of a batch are what ``compute`` makes of it: logits [batch, classes] of a classifier, or what else the problem
    likes. Nobody but the problem looks into them. Whoever teaches reads ``rows``; whoever judges reads the *values* of examples,
    ``summarize`` of each batch put together to an array [n, ...], so that no split's outputs are ever held whole.
    """

    name: ClassVar[str]
    # Name of an exported graph's first output, and of its axes; () leaves those as the exporter calls them.
    graph_output: ClassVar[tuple[str, tuple[str, ...]]] = ("outputs", ())
    graph_batch: ClassVar[int] = 64  # examples that a graph computes at once over a split
    rows_seed: ClassVar[int | None] = None  # of the draw, where rows are a sample of all that the outputs hold
    shows_truth: ClassVar[bool] = False  # true answers are shown beside predicted ones and not only named
    ragged: ClassVar[bool] = False  # outputs are as long as the batch's longest example, so they are read a batch at a time
    judges_written: ClassVar[bool] = False  # scored by the texts that models write, not by the outputs of one pass
    target_boxes: ClassVar[bool] = False  # targets are boxes in an image [n, most, 5], which move with its views
    row_truths: ClassVar[bool] = True  # each row has a true choice, of which its loss is the cross-entropy
    judged_by: ClassVar[str] = ""  # the file that metrics are computed with beside the data, by its digest: a note of each value
    row_tokens: ClassVar[str] = "input_ids"  # the array whose tokens its rows predict, where they are of tokens

    # --- what models take ---

    def target_arrays(self, targets: "np.ndarray", settings: Mapping[str, Any], folder: Path) -> "dict[str, np.ndarray]":
        """Named arrays that a model reads of the true answers beside its inputs: tokens before those that a decoder predicts."""
        return {}

    def blank_targets(self, shape: Mapping[str, Any], batch: int) -> "dict[str, np.ndarray]":
        """The same of the largest size that an example of this shape can have."""
        return {}

    def tokenizer_texts(self, split: TaskSplit) -> Sequence[str]:
        """The training texts from which a family with a tokenizer of its own learns it."""
        texts: Sequence[str] = split.inputs
        return texts

    def written_texts(self, split: TaskSplit) -> Sequence[str]:
        """The texts of the data that a model can write others in place of."""
        texts: Sequence[str] = split.inputs
        return texts

    def with_written(self, split: TaskSplit, texts: Mapping[int, str]) -> TaskSplit:
        """The split with texts that a model wrote, by their place, in place of the data's own. Only where text is generated."""
        raise KduiError(f"A model of {self.name} writes no texts, so none can stand in place of the data's own.")

    # --- learning, with torch ---

    def loss(self, outputs: Any, targets: "torch.Tensor") -> "torch.Tensor":
        """Scalar loss against the true targets, mean over what counts in the batch, in nats."""

    def rows(self, outputs: Any, targets: "torch.Tensor") -> "Rows":
        """The categorical distributions that the outputs hold, in an order that depends on the batch's inputs alone."""

    def adversary(self, facts: TaskFacts, seed: int) -> "Adversary | None":
        """What a model learns against in place of ``loss``, with initial weights by the seed; None for most problems."""
        return None

    def matched(self, outputs: Any, theirs: "OtherRows") -> "dict[str, torch.Tensor]":
        """Named losses of what outputs hold beside their rows against a teacher's, whose rows carry it."""
        return {}

    def complete_graph(self, model: Any) -> None:
        """Give an exported graph (``onnx.ModelProto``), in place, the nodes that make answers of its outputs: a further output.

        Their names begin with ``core.layout.ANSWER_NODES``, so that nothing rounds them.
        """
        return None

    def taught(self, outputs: "np.ndarray") -> "np.ndarray":
        """What a teacher's cache keeps of its outputs [batch, ...] for the student: the ``rows`` of each example in their order,
        [batch, ..., choices]."""
        return outputs

    # --- judging, with numpy ---

    def summarize_arrays(self, outputs: "np.ndarray", inputs: "Mapping[str, np.ndarray]", targets: "np.ndarray") -> "np.ndarray":
        """The same of the first output of a graph for a batch of its inputs."""
        return outputs

    def judge_arrays(self, outputs: "np.ndarray", inputs: "Mapping[str, np.ndarray]", targets: "np.ndarray") -> "np.ndarray":
        """What ``score`` takes of a batch of test examples; of texts that the model wrote where ``judges_written``, whose
        ``outputs`` are their code points (``core.code_points``). Then ``summarize_arrays`` goes with ``watch`` alone."""
        return self.summarize_arrays(outputs, inputs, targets)

    def distributions(self, outputs: "np.ndarray", inputs: "Mapping[str, np.ndarray]", targets: "np.ndarray") -> "np.ndarray":
        """Logits [k, choices] of a graph's outputs for a batch, by which two models are compared: all of its rows, or as many of
        them, chosen by the inputs alone, as memory has room for."""
        return self.mask_to_task(outputs, targets)

    def score(self, values: "np.ndarray", targets: "np.ndarray", facts: TaskFacts) -> list[tuple[Metric, float]]:
        """Metrics over a whole split, ``facts.headline`` among them by its name. Values in the metric's unit."""

    def interval(self, values: "np.ndarray", targets: "np.ndarray") -> tuple[float, float] | None:
        """The 95 % interval of the headline over these examples, in its unit; None where it is not known."""
        return None

    def intervals(self, values: "np.ndarray", targets: "np.ndarray", facts: TaskFacts) -> dict[str, tuple[float, float]]:
        """The 95 % intervals that are known, by the names of the metrics of ``score``."""
        own = self.interval(values, targets)
        return {} if own is None else {facts.headline.name: own}

    def kept(self, values: "np.ndarray", targets: "np.ndarray") -> "dict[str, np.ndarray]":
        """What a comparison with another model on the same examples needs of each of them, [n] each: see ``difference``."""

    def difference(self, ours: "Mapping[str, np.ndarray]", theirs: "Mapping[str, np.ndarray]") -> "Difference":
        """The headline of one model minus another's from what both have ``kept``, paired by example; plus is better."""

    def mask_to_task(self, outputs: "np.ndarray", targets: "np.ndarray") -> "np.ndarray":
        """The outputs [n, ...] with the logits of other tasks masked, where a model has several tasks."""
        return outputs

    def label_logits(self, values: "np.ndarray", targets: "np.ndarray") -> "np.ndarray | None":
        """The logits [n, labels] of a problem whose examples have one label each, other tasks masked; None for every other.

        Calibration reads them, and the predictions of test examples are kept for evidence only where there are such.
        """
        return None

    def constant(self, targets: "np.ndarray", facts: TaskFacts) -> tuple[float, str] | None:
        """The headline of the best single prediction for all examples, and that prediction in words; None where there is none."""
        return None

    def parts_of(self, targets: "np.ndarray") -> "np.ndarray | None":
        """To which of several tasks each example [n] belongs, where the headline is the mean of theirs; None where it is not."""
        return None

    def present(self, outputs: "np.ndarray", facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """One model's prediction for one example as typed parts; () where only ``answer`` can give it."""
        return ()

    def answer(
        self, outputs: "np.ndarray", facts: TaskFacts, raw: Any, folder: Path, target: Any = None
    ) -> tuple[AnswerPart, ...]:
        """The same beside the raw example, for answers that point into it, and the ``folder`` with the files that the model's
        inputs name, for answers in their words; ``target``: the example's own, where the problem ``shows_truth`` and it is a test
        example."""
        return self.present(outputs, facts)

    def truth(self, target: Any, raw: Any, facts: TaskFacts) -> str:
        """The true answer to a raw example in words; empty where targets are no answers."""
        return facts.answer.truth(target)
