"""What a task, a model family, a problem, a modality and a method must offer.

Facts are frozen data in a ``spec.py`` that the page can read at once. What does the work stands beside it
in ``load.py``, ``build.py`` or ``apply.py`` and follows the protocols at the end of this file. Nothing here
knows classification: it is one problem among several.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import Field, model_validator

from kdui.core.answers import AnswerPart
from kdui.core.metric import Metric
from kdui.core.plain import Frozen
from kdui.core.renamed import current_names
from kdui.core.source import Resource

if TYPE_CHECKING:
    import numpy as np
    import torch

    from kdui.core.rows import Rows
    from kdui.core.statistics.paired import Difference


Split = Literal["train", "validation", "test"]
Transfer = Literal["outputs", "representations", "relations", "data", "sources"]
Representation = Literal["maps", "tokens", "attention"]
# What a method may need of a problem: categorical distributions (rows), one of the same classes for every example (columns), one
# label of one set an example (labels), a class an example, be it of several sets (classes), parts that are tasks of their own,
# a next token that is generated (tokens).
Need = Literal["rows", "columns", "labels", "classes", "parts", "tokens"]


class OutOfDomain(Frozen):
    """Labelled examples that were not split off the task's own data: the same task in another domain.

    ``tasks/TASK/out_of_domain.py`` reads them: ``load(name, folder)`` gives the ``Examples``.
    """

    name: str
    title: str
    about: str = Field(description="what they are and who labelled them, in a few words")
    examples: int
    resource: Resource


class TaskFacts(Frozen):
    """What a model must do. ``version`` goes up when the data or its split changes, so old artifacts no longer match."""

    name: str
    title: str
    summary: str
    version: int = 1
    modality: str = Field(description="image, text, ...: names the module in kdui/modalities")
    problem: str = Field(description="classification, ...: names the module in kdui/problems")
    headline: Metric
    labels: tuple[str, ...] = ()
    splits: dict[str, int] = Field(description="split -> number of examples")
    input: dict[str, Any] = Field(description="shape of one example, e.g. height, width, channels or max_length")
    resource: Resource
    examples: tuple[str, ...] = Field(default=(), description="inputs to try in Compare where they can be typed")
    parts: tuple[str, ...] = Field(default=(), description="names of the tasks that this one combines")
    out_of_domain: tuple[OutOfDomain, ...] = Field(default=(), description="test data from other sources than the task's own")
    content: str = Field(default="", description="names the data where they are a person's own: steps are named by it")
    majority: float | None = Field(
        default=None, description="headline metric on the test data of always answering their most frequent label, in its unit"
    )

    @model_validator(mode="before")
    @classmethod
    def _current_names(cls, value: Any) -> Any:
        """Models of earlier stores describe their task with old names."""
        return current_names(value) if isinstance(value, dict) else value

    @property
    def outputs(self) -> int:
        """Width of the model's last axis."""
        return len(self.labels)


class Preset(Frozen):
    """A named size of a model family."""

    name: str
    title: str
    summary: str
    options: dict[str, Any] = {}
    licence: str = "trained here"
    resource: Resource | None = Field(default=None, description="pretrained weights")
    from_teacher: str | None = Field(default=None, description="where the weights start: the teacher's family or what it offers")
    tasks: tuple[str, ...] = Field(default=(), description="the only tasks it suits; empty: all of its modality")
    offered: tuple[Literal["teacher", "student"], ...] = Field(
        default=(), description="as what Build offers it, after the pairs of kdui/catalogue/pairs.py"
    )


class Family(Frozen):
    """A model family: its presets and what surgery it allows."""

    name: str
    title: str
    modality: str = Field(description="image, text, ...; any: what the task has")
    presets: tuple[Preset, ...] = ()
    structured_pruning: bool = Field(default=False, description="channels or heads can be removed by torch-pruning")
    quantization: Literal["static", "dynamic"] = Field(description="int8 scheme that suits its layers in ONNX Runtime")
    options: type[Frozen] = Field(default=Frozen, exclude=True, description="the options that its presets and references may set")
    offers: tuple[str, ...] = Field(default=(), description="what a student may start from, e.g. text-embeddings")
    shows: tuple[Representation, ...] = Field(default=(), description="inner values that a student can be taught to match")
    later: dict[str, Any] = Field(
        default={}, description="options that joined later, each with the value at which it does nothing: earlier digests stay"
    )
    depth: str = Field(default="", description="the option that counts its stages or layers")
    language_model: bool = Field(
        default=False, description="a transformer that predicts tokens, also where it shows no attention"
    )
    head_width: int = Field(default=0, description="width of an attention head, where the option heads counts them")
    problems: tuple[str, ...] = Field(default=("classification", "several"), description="what its models can answer")
    own_tokenizer: bool = Field(
        default=False, description="trains its tokenizer on the training texts; the option vocabulary counts its tokens"
    )
    version: int = 1

    @property
    def is_transformer(self) -> bool:
        """Whether it has attention, also where no student could match it."""
        return "attention" in self.shows or self.language_model


class ProblemFacts(Frozen):
    """What kind of answer a task wants: ``problems/NAME/spec.py``. What it gives decides which methods suit it."""

    name: str
    title: str
    gives: frozenset[Need] = Field(description="what methods may read of its outputs and targets")
    streams: bool = Field(
        default=False, description="its models generate answers piece by piece; Compare shows them as they come"
    )


NEEDS: dict[Need, str] = {
    "rows": "categorical distributions to match",
    "columns": "the same classes for every example",
    "labels": "one label for each example",
    "classes": "examples that each belong to a class",
    "parts": "several tasks in one",
    "tokens": "text that is generated token by token",
}


class StageSpec(Frozen):
    """Base of every method's settings. Each field's title, description, bounds and default draw the form.

    ``json_schema_extra`` of a field may hold ``lens`` (name of the image beside the knob), ``step``, ``percent``
    (show 0.6 as 60 %), ``advanced`` (folded away), ``only_when`` ({field: [values]}: else the knob is hidden), ``modality``
    ``needs`` (what it reads of a problem: hidden where the task's does not give it, and refused where it is turned), and
    ``shows`` (hidden for other tasks, and for a trained model without such features, or that is no ``transformer``),
    ``usual`` (what an empty text means, by modality), ``turns`` (the value of other knobs' lenses that it changes), and
    ``scales`` (what becomes of the value in a demonstration or at full scale: ``at_most``, ``times`` or ``is``; ``all`` is the
    value without limit).
    """

    @property
    def computes_in_int8(self) -> bool:
        """Whether the graph that a stage makes multiplies in int8, which pays only where the machine is fast at it."""
        return False


class InputSettings(Frozen):
    """How one model wants its examples; stands in the artifact as ``inputs.json`` so that serving needs nothing else."""

    modality: str
    settings: dict[str, Any] = {}
    files: tuple[str, ...] = Field(default=(), description="files beside it, e.g. tokenizer.json")


# --- protocols of the modules that do the work ------------------------------------------------------------------


class TaskSplit(Protocol):
    """Raw examples of one split: ``inputs`` uint8 [n, height, width, channels] or a list of strings; ``targets`` [n]."""

    inputs: Any
    targets: "np.ndarray"


class TaskLoader(Protocol):
    """``tasks/NAME/load.py``; that of a task of parts has ``combine(parts)`` instead, which takes what theirs gave."""

    def load(self, folder: Path) -> Mapping[Split, TaskSplit]:
        """Read the resource folder. Validation is split off the training data with a fixed seed; test is left whole."""


class Modality(Protocol):
    """``modalities/NAME/prepare.py``: numpy and tokenizers only, because the serving process uses it without torch."""

    # Names of the axes of each array; those called ``batch`` and ``length`` are free in a graph.
    AXES: Mapping[str, tuple[str, ...]]

    def prepare(self, raw: Sequence[Any], settings: Mapping[str, Any], folder: Path) -> "dict[str, np.ndarray]":
        """Named arrays that the graph takes, first axis the batch, padded to the longest of this batch."""

    def blank(self, shape: Mapping[str, Any], batch: int) -> "dict[str, np.ndarray]":
        """Arrays of the largest size that an example of this shape can have (a task's ``input``, or a model's own settings)."""

    def shown(self, raw: Any) -> dict[str, Any]:
        """One raw example as the page shows it: ``text``, or the rows of a grey ``image``; the other is None."""

    def parse(self, payload: Any, facts: TaskFacts) -> Any:
        """What a person typed, drew or uploaded as one raw example; raises KduiError in words."""

    def traits(self, train: Sequence[Any], test: Sequence[Any]) -> "dict[str, np.ndarray]":
        """What sorts test examples, a number each; ``novelty``, how unlike the training data they are, comes first."""


class ModelBuilder(Protocol):
    """``models/FAMILY/build.py``."""

    def build(self, options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> "torch.nn.Module":
        """A module whose forward takes the named arrays as keywords and gives the outputs [batch, ..., outputs].

        ``folder`` holds pretrained weights where the preset has a resource, else None: initial weights come from torch's seed.
        """

    def inputs(self, options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
        """How this model wants its examples."""


class Learning(Protocol):
    """What a training needs of a problem: how outputs come about, and how a split's are judged to find the best epoch."""

    def compute(self, module: "torch.nn.Module", inputs: "Mapping[str, torch.Tensor]") -> Any:
        """The outputs of a batch of named inputs."""
        return module(**inputs)

    def summarize(self, outputs: Any, targets: "torch.Tensor") -> "torch.Tensor":
        """What scoring takes of a batch, an entry an example: [batch, ...]."""
        tensor: torch.Tensor = outputs
        return tensor

    def counted(self, outputs: Any, targets: "torch.Tensor") -> int:
        """Over how many a batch's loss is the mean: its share where losses of several batches make one."""
        return len(targets)

    def validation_loss(self, values: "np.ndarray", targets: "np.ndarray") -> float:
        """The loss over a whole split, in nats."""

    def headline(self, values: "np.ndarray", targets: "np.ndarray") -> float:
        """The headline metric alone, quickly: it chooses the best epoch on validation data."""


class Problem(Learning, Protocol):
    """``problems/NAME/problem.py``: what to learn and how to judge it. Losses carry names; they become chart series.

    The *outputs* of a batch are what ``compute`` makes of it: logits [batch, classes] of a classifier, or what else the problem
    likes. Nobody but the problem looks into them. Whoever teaches reads ``rows``; whoever judges reads the *values* of examples,
    ``summarize`` of each batch put together to an array [n, ...], so that no split's outputs are ever held whole.
    """

    name: ClassVar[str]
    graph_batch: ClassVar[int] = 64  # examples that a graph computes at once over a split
    ragged: ClassVar[bool] = False  # outputs are as long as the batch's longest example, so they are read a batch at a time

    # --- learning, with torch ---

    def loss(self, outputs: Any, targets: "torch.Tensor") -> "torch.Tensor":
        """Scalar loss against the true targets, mean over what counts in the batch, in nats."""

    def rows(self, outputs: Any, targets: "torch.Tensor") -> "Rows":
        """The categorical distributions that the outputs hold, in an order that depends on the batch's inputs alone."""

    # --- judging, with numpy ---

    def summarize_arrays(self, outputs: "np.ndarray", inputs: "Mapping[str, np.ndarray]", targets: "np.ndarray") -> "np.ndarray":
        """The same of the first output of a graph for a batch of its inputs."""
        return outputs

    def distributions(self, outputs: "np.ndarray", inputs: "Mapping[str, np.ndarray]", targets: "np.ndarray") -> "np.ndarray":
        """Logits [k, choices] of a graph's outputs for a batch, by which two models are compared: all of its rows, or as many of
        them, chosen by the inputs alone, as memory has room for."""
        return self.mask_to_task(outputs, targets)

    def score(self, values: "np.ndarray", targets: "np.ndarray", facts: TaskFacts) -> list[tuple[Metric, float]]:
        """Metrics over a whole split, ``facts.headline`` among them by its name. Values in the metric's unit."""

    def interval(self, values: "np.ndarray", targets: "np.ndarray") -> tuple[float, float] | None:
        """The 95 % interval of the headline over these examples, in its unit; None where it is not known."""
        return None

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

    def parts_of(self, targets: "np.ndarray") -> "np.ndarray | None":
        """To which of several tasks each example [n] belongs, where the headline is the mean of theirs; None where it is not."""
        return None

    def present(self, outputs: "np.ndarray", facts: TaskFacts) -> tuple[AnswerPart, ...]:
        """One model's prediction for one example as typed parts."""
