"""What a task, a model family, a problem, a modality and a method must offer.

Facts are frozen data in a ``spec.py`` that the page can read at once. What does the work stands beside it
in ``load.py``, ``build.py`` or ``apply.py`` and follows the protocols at the end of this file. Nothing here
knows classification: it is one problem among several. What a problem does stands in ``core.problem``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import Field, model_validator

from kdui.core.answer_facts import AnswerFacts, Labels, NextToken, OfProblem
from kdui.core.metric import Metric
from kdui.core.plain import Frozen
from kdui.core.renamed import current_names
from kdui.core.source import Resource

if TYPE_CHECKING:
    import numpy as np
    import torch


Split = Literal["train", "validation", "test"]
Transfer = Literal["outputs", "representations", "relations", "data", "sources"]
Representation = Literal["maps", "tokens", "attention"]
# What a method may need of a problem: categorical distributions (rows), one of the same classes for every example (columns), one
# label of one set an example (labels), a class an example, be it of several sets (classes), parts that are tasks of their own,
# a next token that is generated (tokens), after the beginning of a text (continuations), true answers that hold for an input that
# is made worse, too (answers), an order of choices of which the first few count (ranks), places and sizes of objects (boxes), a
# true choice of each distribution (truths), distributions over the frames of a recording (frames), pictures made of noise
# (pictures).
Need = Literal[
    "rows",
    "columns",
    "labels",
    "classes",
    "parts",
    "tokens",
    "continuations",
    "answers",
    "ranks",
    "boxes",
    "truths",
    "frames",
    "pictures",
]


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
    answer: AnswerFacts = Field(default=OfProblem(), description="what an answer is: labels, the next token, ...")
    splits: dict[str, int] = Field(description="split -> number of examples")
    input: dict[str, Any] = Field(description="shape of one example, e.g. height, width, channels or max_length")
    resource: Resource
    examples: tuple[str, ...] = Field(default=(), description="inputs to try in Compare where they can be typed")
    out_of_domain: tuple[OutOfDomain, ...] = Field(default=(), description="test data from other sources than the task's own")
    content: str = Field(default="", description="names the data where they are a person's own: steps are named by it")
    majority: float | None = Field(
        default=None, description="headline metric on the test data of always answering their most frequent label, in its unit"
    )

    @model_validator(mode="before")
    @classmethod
    def _current_names(cls, value: Any) -> Any:
        """Models of earlier stores describe their task with old names, and its answer by its labels; tokens had none."""
        if not isinstance(value, dict):
            return value
        facts = current_names(value)
        if "labels" not in facts:
            return facts
        names, parts = facts["labels"], facts.get("parts", ())
        answer = Labels(names=names, parts=parts) if names else NextToken()
        return {"answer": answer, **{name: value for name, value in facts.items() if name not in ("labels", "parts")}}

    @property
    def outputs(self) -> int:
        """Width of the model's last axis; 0 where its vocabulary decides."""
        return self.answer.width

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels' names; none where an answer is something else."""
        return self.answer.names if isinstance(self.answer, Labels) else ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The tasks that this one combines."""
        return self.answer.parts if isinstance(self.answer, Labels) else ()


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
    at_once: bool = Field(
        default=False, description="is computed from the data at once by ``learn`` of its build.py, not trained step by step"
    )
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
    watched: Metric | None = Field(default=None, description="what chooses the best epoch; None: the task's headline metric")
    streams: bool = Field(
        default=False, description="its models generate answers piece by piece; Compare shows them as they come"
    )
    baselines: tuple[str, ...] = Field(
        default=(), description="presets that every result holds beside its models: computed from the data, measured like them"
    )


NEEDS: dict[Need, str] = {
    "rows": "categorical distributions to match",
    "columns": "the same classes for every example",
    "labels": "one label for each example",
    "classes": "examples that each belong to a class",
    "parts": "several tasks in one",
    "tokens": "text that is generated token by token",
    "answers": "true answers that hold for an input that is made worse, too",
    "continuations": "texts that are continued from their beginning",
    "truths": "a true choice of each distribution",
    "frames": "distributions over the frames of a recording",
    "ranks": "rankings, of which the first places count",
    "boxes": "boxes of objects",
    "pictures": "pictures that are made of noise",
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
    def needs(self) -> frozenset[Need]:
        """What these settings read of a problem, beside what the method always does."""
        return frozenset()

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

    @property
    def inputs(self) -> Any:
        """All inputs, first axis or entry the example."""

    @property
    def targets(self) -> "np.ndarray":
        """[n, ...], in the order of the inputs."""

    def take(self, indices: "np.ndarray | list[int]") -> "TaskSplit":
        """The examples at these places, in this order."""


class TaskLoader(Protocol):
    """``tasks/NAME/load.py``; that of a task of parts has ``combine(parts)`` instead, which takes what theirs gave."""

    def load(self, folder: Path) -> Mapping[Split, TaskSplit]:
        """Read the resource folder. Validation is split off the training data with a fixed seed; test is left whole."""


class Modality(Protocol):
    """``modalities/NAME/prepare.py``: numpy and tokenizers only, because the serving process uses it without torch."""

    # Names of the axes of each array; those called ``batch``, ``length`` and ``time`` are free in a graph.
    AXES: Mapping[str, tuple[str, ...]]

    def prepare(self, raw: Sequence[Any], settings: Mapping[str, Any], folder: Path) -> "dict[str, np.ndarray]":
        """Named arrays that the graph takes, first axis the batch, padded to the longest of this batch."""

    def blank(self, shape: Mapping[str, Any], batch: int) -> "dict[str, np.ndarray]":
        """Arrays of the largest size that an example of this shape can have (a task's ``input``, or a model's own settings)."""

    def shown(self, raw: Any) -> dict[str, Any]:
        """One raw example as the page shows it: ``text``, or the rows of a grey ``image``; the other is None."""

    def parse(self, payload: Any, facts: TaskFacts) -> Any:
        """What a person typed, drew or uploaded as one raw example; raises KduiError in words."""

    def opened(self, data: bytes) -> Any:
        """What ``parse`` takes of an uploaded file; raises KduiError in words. Only where files are."""

    def seconds(self, settings: Mapping[str, Any]) -> float:
        """How long an example lasts. Only where it has time: Measure then gives the real-time factor."""

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
