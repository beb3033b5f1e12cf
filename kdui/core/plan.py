"""The plan of a run: a recipe unrolled into steps, each named by the digest of all that decides its result.

``digest(step) = sha256(method, its version, operation, settings, task, digests of the inputs)``: turning one knob late in a
recipe leaves every earlier digest as it was, so the store already holds those steps.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import Field, field_validator

from kdui.core.contracts import Family, Need, TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.plain import Frozen, digest
from kdui.core.recipe import ModelRef, Recipe
from kdui.core.renamed import current_names, digested_names

Role = Literal["teacher", "assistant", "student", "control", "smoothed", "baseline", "compressed"]
# Roles of models that a recipe is held against: what it makes is another one.
BESIDE: tuple[Role, ...] = ("control", "smoothed", "baseline")
Product = Literal["model", "outputs", "onnx", "measurements", "report"]


class ModelFacts(Frozen):
    """A model reference looked up: what builds it and what decides its initial weights."""

    ref: ModelRef
    title: str
    family: Family
    options: dict[str, Any]
    source: str | None = Field(
        default=None, description="names the pretrained weights: a checksum, a hub revision or an artifact"
    )
    from_teacher: str | None = None
    fallback_init: str = Field(default="", description="names the public weights that stand in for a teacher that shows none")
    shape: dict[str, int] = Field(default={}, description="layers and width of a checkpoint, as far as its config tells")

    @property
    def layers(self) -> int | None:
        """How many layers it has, where that is known before it is built."""
        return self.options.get(self.family.depth) or self.shape.get("layers")

    @property
    def attention_width(self) -> int | None:
        """The width of its queries, keys and values, where that is known before it is built."""
        heads = self.options.get("heads") if self.family.head_width else None
        return self.family.head_width * heads if heads else self.shape.get("width")

    @property
    def identity(self) -> dict[str, Any]:
        """What goes into a digest: no title, no path, and not how the reference was spelled."""
        later = self.family.later
        return {
            "family": self.family.name,
            "version": self.family.version,
            "options": {name: value for name, value in self.options.items() if name not in later or value != later[name]},
            "source": self.source,
            "from_teacher": self.from_teacher,
            **({"donor": self.fallback_init} if self.fallback_init else {}),
        }


class Step(Frozen):
    """One cached unit of work."""

    name: str
    stage: str
    method: str
    operation: str
    produces: Product
    role: Role | None = None
    label: str = ""
    settings: dict[str, Any] = {}
    inputs: dict[str, str] = Field(default={}, description="input name -> step name")
    model: str = Field(default="", description="reference of the model that the step starts; its identity is among the settings")
    digest: str

    @field_validator("settings", mode="before")
    @classmethod
    def _current_names(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """Steps of earlier runs are stored with the old names of their settings."""
        return current_names(settings)


class Planned(NamedTuple):
    """A recipe with absolute paths, and its steps in the order they will run."""

    recipe: Recipe
    steps: list[Step]


def step_digest(
    *, method: str, version: int, operation: str, settings: dict[str, Any], task: TaskFacts, inputs: Mapping[str, str]
) -> str:
    """The name of a step's product: of all that decides it, and of nothing else."""
    return digest(
        {
            "method": method,
            "version": version,
            "operation": operation,
            "settings": digested_names(settings),
            "task": [task.content or task.name, task.version],
            "inputs": dict(inputs),
        }
    )


class Versioned(Protocol):
    """What the builder needs to know of a method."""

    version: int


class PlanBuilder:
    """The plan while it grows: methods read ``teacher`` and ``current`` and add their steps."""

    def __init__(
        self,
        recipe: Recipe,
        task: TaskFacts,
        teacher: ModelFacts | None,
        student: ModelFacts | None,
        versions: Mapping[str, int],
        exporter: tuple[str, dict[str, Any]],
        distiller: str,
        machine: str,
        resolve: Callable[[str], ModelFacts] | None = None,
        gives: frozenset[Need] = frozenset(),
    ):
        """``versions``: method -> declared version; ``exporter``: the method that writes a model's graph by the operation of its
        name, with its settings; ``distiller``: the method whose operations run a teacher and train controls for all others;
        ``machine``: names the device that measures, because a latency belongs to one machine;
        ``resolve``: looks up a further model by its short reference (an assistant, a second teacher), or raises RecipeError;
        ``gives``: what the task's problem gives to methods."""
        self.recipe, self.task, self.gives = recipe, task, gives
        self.teacher_facts, self.student_facts = teacher, student
        self.machine = machine
        self.steps: dict[str, Step] = {}
        self.models: list[Step] = []
        self.teacher: Step | None = None
        self.current: Step | None = None
        # Step that provides the teacher's initial weights; `start_control`: also train one without it as a control.
        self.start: Step | None = None
        self.start_control = False
        self.distiller = distiller
        self._versions, self._exporter, self._resolve = versions, exporter, resolve

    def add(
        self,
        name: str,
        *,
        stage: str,
        method: str,
        operation: str,
        produces: Product,
        settings: dict[str, Any],
        inputs: Mapping[str, Step] | None = None,
        role: Role | None = None,
        label: str = "",
        model: ModelFacts | None = None,
    ) -> Step:
        """Add a step; one with the same digest that is already planned is returned instead."""
        inputs = dict(inputs or {})
        if model is not None:
            settings = {"model": model.identity, **settings}
        identity = step_digest(
            method=method,
            version=self._versions[method],
            operation=operation,
            settings=settings,
            task=self.task,
            inputs={key: step.digest for key, step in inputs.items()},
        )
        for known in self.steps.values():
            if known.digest == identity:
                return known
        step = Step(
            name=name,
            stage=stage,
            method=method,
            operation=operation,
            produces=produces,
            role=role,
            label=label,
            settings=settings,
            inputs={key: step.name for key, step in inputs.items()},
            model=str(model.ref) if model else "",
            digest=identity,
        )
        self.steps[name] = step
        return step

    def add_model(self, step: Step) -> Step:
        """Note a step whose product is shown, exported and measured as a model of its own."""
        if step not in self.models:
            self.models.append(step)
        return step

    def resolved(self, ref: str) -> ModelFacts:
        """A further model of the same task, looked up; raises RecipeError in words."""
        if self._resolve is None:
            raise RecipeError(f"Nothing here can look up the model '{ref}'.")
        return self._resolve(ref)

    def exported(self, model: Step) -> Step:
        """The step that gives the model's ONNX file; Export's settings in the recipe count wherever it stands."""
        if model.produces == "onnx":
            return model
        exporter, settings = self._exporter
        return self.add(
            f"{exporter}.{model.name}",
            stage=exporter,
            method=exporter,
            operation=exporter,
            produces="onnx",
            settings=settings,
            inputs={"model": model},
            role=model.role,
            label=model.label,
        )

    @property
    def reference(self) -> Step | None:
        """The recipe's own teacher: what every other model is measured against, also after an assistant took its place.

        None where nothing but a table of its predictions is there.
        """
        return next((step for step in self.models if step.role == "teacher"), None)

    def need_teacher(self, stage: str) -> Step:
        """The teacher's step; raises RecipeError where no stage before this one makes it."""
        if self.teacher is None and self.teacher_facts is not None:
            raise RecipeError(
                f"Stage '{stage}' needs a trained teacher, but {self.teacher_facts.title} is not trained yet. Put a 'teach' "
                "stage before it, or name a fine-tuned teacher: artifact:DIGEST, folder:PATH, hub:OWNER/NAME, onnx:PATH, "
                "csv:PATH or api:SERVER."
            )
        if self.teacher is None:
            raise RecipeError(f"Stage '{stage}' needs a teacher. Name one in 'teacher:' and put a 'teach' stage before it.")
        return self.teacher

    def need_model(self, stage: str) -> Step:
        """The model that the stage changes; raises RecipeError where there is none yet."""
        if self.current is None:
            raise RecipeError(f"Stage '{stage}' has no model to work on. Put a 'teach' or 'distill' stage before it.")
        return self.current
