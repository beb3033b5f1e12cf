"""What actions answer: frozen values that travel as JSON. Every measured number carries its unit, interval and origin."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.measurement import Measurement, Origin
from kdui.core.page_rows import Estimate
from kdui.core.plain import Frozen
from kdui.core.run import Event, RunState
from kdui.core.statistics.paired import Difference


class Hardware(Frozen):
    """What this machine can do."""

    summary: str = Field(description="one line, as the page's header shows it")
    processor: str
    cores: int
    quota_cores: float | None = Field(default=None, description="share of the processor that a control group allows, in cores")
    instruction_sets: tuple[str, ...] = Field(description="those that speed up low bits")
    gpus: tuple[str, ...] = ()
    gpus_missing: str = Field(default="", description="why no GPU is used, where there is none")
    devices: tuple[str, ...] = Field(description="what a run may ask for: auto, cpu, cuda:N")
    versions: dict[str, str] = Field(description="of the libraries that train, export and measure")
    free_disk_gb: float | None = Field(default=None, description="GB free where the store lies; None where it is not known")
    read_only: bool = Field(default=False, description="recorded runs alone are shown, and nothing can be queued")


class TaskRow(Frozen):
    """A data set with its metric."""

    name: str
    title: str
    modality: str
    labels: int = Field(description="how many answers there are to choose from; 0 where a task has none")
    examples: dict[str, int] = Field(description="split -> number of examples")
    metric: str
    unit: str
    licence: str


class Tasks(Frozen):
    """All tasks, small ones first."""

    tasks: tuple[TaskRow, ...]


class RecipeRow(Frozen):
    """A recipe that can be run by its name."""

    name: str
    title: str
    task: str
    summary: str


class Recipes(Frozen):
    """Built-in recipes, then saved ones."""

    recipes: tuple[RecipeRow, ...]


class Reason(Frozen):
    """One decision of a proposed recipe."""

    what: str
    chosen: str
    why: str


class Proposal(Frozen):
    """A recipe that can run as it stands."""

    name: str
    task: str
    recipe: str = Field(description="YAML, to be changed and given to estimate or run")
    reasons: tuple[Reason, ...] = ()
    command: str = Field(description="runs the same from a shell")


class Cost(Frozen):
    """What a recipe will cost, before it starts."""

    estimate: Estimate
    command: str


class Submitted(Frozen):
    """A run that was queued."""

    run: str = Field(description="its id, which the other actions take")
    name: str
    state: RunState
    task: str


class Submissions(Frozen):
    """The runs of a sweep, in the order of the queue."""

    family: str = Field(description="id of the sweep as one, for 'python app.py family'")
    runs: tuple[Submitted, ...]


class StepRow(Frozen):
    """One step of a run."""

    name: str
    title: str
    state: str = Field(description="waiting, running, done, cached or failed")
    seconds: float | None = Field(default=None, description="s; None while it has not ended")


class Progress(Frozen):
    """Where a run stands, and what happened since ``cursor``."""

    run: str
    name: str
    state: RunState
    ended: bool = Field(description="nothing more happens unless somebody asks for it")
    fraction: float = Field(ge=0, le=1, description="of its steps")
    error: str | None = Field(default=None, description="why it failed, and what to do")
    steps: tuple[StepRow, ...]
    events: tuple[Event, ...]
    cursor: int = Field(description="to be given with the next call, which then tells only what is new")


class ModelRow(Frozen):
    """One measured model of a run."""

    step: str
    role: str = Field(description="teacher, student, control or compressed")
    label: str
    measurements: dict[str, Measurement] = Field(description="metric -> value, unit, 95 % interval, samples and origin")


class Results(Frozen):
    """What a run measured."""

    run: str
    name: str
    task: str
    state: RunState
    headline: str = Field(description="name of the metric by which models of this task are judged")
    models: tuple[ModelRow, ...]
    gain: Difference | None = Field(default=None, description="student minus control over the same test examples")
    gain_shown: bool = Field(default=False, description="the gain's interval leaves zero out")
    findings: tuple[str, ...] = ()
    unlearned: str = ""
    recipe: str = Field(description="YAML")
    command: str


class ComparedModel(Frozen):
    """One of the compared models; differences are to the first of them, over the test examples that both answered."""

    run: str
    step: str
    role: str
    label: str
    headline: float | None
    low: float | None = None
    high: float | None = None
    origin: Origin
    difference: Difference | None = None
    shown: bool = Field(default=False, description="by Benjamini-Hochberg over all compared models")
    gain: Difference | None = Field(default=None, description="over the control of its own run")
    latency_ms: float | None = None
    latency_origin: Origin | None = None
    speedup: float | None = Field(default=None, description="over the teacher of its own run, measured in turn with it")
    download_mb: float | None = Field(default=None, description="MB that travel: the packed file, else the gzipped one")
    parameters: float | None = None


class Comparison(Frozen):
    """Two to five models of one task side by side."""

    task: str
    metric: str
    unit: str
    models: tuple[ComparedModel, ...]
    settings: dict[str, tuple[Any, ...]] = Field(description="those that differ: a value for each model, null where it has none")
    alike: int = Field(description="how many settings are the same")


class RunListRow(Frozen):
    """One run of the list."""

    run: str
    name: str
    task: str
    state: RunState
    headline: str
    created: str = Field(description="UTC")
    queued_by: str = Field(default="", description="name of the account that queued it; empty: on the machine itself")
    error: str | None = None


class RunList(Frozen):
    """One page of the runs, newest first."""

    runs: tuple[RunListRow, ...]
    total: int
    page: int


class Prediction(Frozen):
    """One model's answer to one input."""

    step: str
    role: str
    label: str
    answer: str
    probability: float | None = None
    latency_ms: float | None = Field(default=None, description="p50, measured now")


class Predictions(Frozen):
    """The answers of a run's models to one input."""

    run: str
    models: tuple[Prediction, ...]


class Delivery(Frozen):
    """A measured model as a file that carries its claims."""

    run: str
    model: str
    file: str = Field(description="where it was written; empty where it is fetched from 'address'")
    address: str = Field(description="below the page's own address, for whoever reaches kdui over HTTP; empty for a file")
    bytes: int | None = Field(default=None, description="None until it is fetched")


class Changed(Frozen):
    """What was done to a run."""

    run: str
    done: Literal["cancelled", "resumed", "deleted", "moved"]
    state: RunState | None = Field(default=None, description="of the run now; None where it is gone")


class Saved(Frozen):
    """A recipe that was kept."""

    name: str = Field(description="what to call it by")
