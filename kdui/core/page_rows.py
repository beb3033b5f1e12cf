"""What the workbench answers: frozen values that the page, the command line and the API all show."""

from pydantic import Field

from kdui.core.answers import AnswerPart
from kdui.core.family import FamilyKind, FamilyState
from kdui.core.marks import Marks
from kdui.core.measurement import Measurement, Origin
from kdui.core.plain import Frozen
from kdui.core.plan import Role
from kdui.core.run import Run, RunState
from kdui.core.statistics.paired import Difference


class ModelCard(Frozen):
    """One choice of teacher or student in Build."""

    ref: str
    title: str
    family: str
    summary: str
    licence: str
    known: Measurement | None = Field(
        default=None, description="best measured headline metric of this model on this task, if any run gave one"
    )
    parameters: int | None = None


class EstimateRow(Frozen):
    """One line of "what it will cost"; values in ``unit``, None where nothing can be said yet."""

    quantity: str
    unit: str
    teacher: float | None
    result: float | None
    result_low: float | None = None
    result_high: float | None = None
    ratio: float | None = Field(default=None, description="teacher / result for costs; what is kept of the headline metric")
    percent: bool = Field(default=False, description="the ratio is a share that is kept, not a factor that is saved")
    teacher_origin: Origin = Origin.ESTIMATED
    result_origin: Origin = Origin.ESTIMATED


class PlannedStep(Frozen):
    """One step of the plan with whether the store already holds it."""

    name: str
    label: str
    method: str
    cached: bool
    seconds: float | None = Field(default=None, description="expected seconds; 0 when cached; None when unknown")


class Estimate(Frozen):
    """What a recipe will cost, before it starts."""

    rows: tuple[EstimateRow, ...]
    warnings: tuple[str, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    seconds: float | None = None


class RunRow(Frozen):
    """One line of the run table."""

    id: str
    name: str
    task: str
    teacher: str
    student: str
    state: RunState
    progress: float = Field(ge=0, le=1)
    eta_seconds: float | None = None
    created: str
    seconds: float | None = None
    headline: str = Field(default="", description="e.g. 97.1 % ●")
    error: str | None = None
    silent_seconds: float | None = Field(default=None, description="since the last sign of work of a running one, where long")
    waits: bool = Field(default=False, description="interrupted, and goes on only when a person resumes it")
    place: int | None = Field(default=None, description="of a queued one: how many start before it, and it")
    title: str = Field(default="", description="what tells it from the others of a list; empty: its name does")
    sweep: str = Field(default="", description="what the sweep is called that it belongs to")
    family: str = Field(default="", description="the family that it belongs to")
    queued_by: str = Field(default="", description="name of the account that queued it; empty: on the machine itself")
    marks: Marks = Marks()


class FamilyRow(Frozen):
    """A sweep or a search as one line of the run table."""

    id: str
    name: str
    kind: FamilyKind
    task: str
    state: FamilyState
    counts: dict[str, int] = Field(description="state of its runs -> how many; waiting: not queued yet, refused: cannot run")
    progress: float = Field(default=0.0, ge=0, le=1)
    best: str = Field(default="", description="the best result so far, e.g. 97.1 % ●")
    note: str = ""
    queued_by: str = ""
    runs: tuple[RunRow, ...] = Field(default=(), description="the first of its runs")

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def finished(self) -> int:
        """Runs to which nothing more happens on its own."""
        return sum(self.counts.get(state, 0) for state in ("succeeded", "failed", "cancelled", "refused"))


class RunPage(Frozen):
    """One page of the run table, newest first; ``total`` counts all that match.

    Where families are folded, a row of one stands for all of them and ``families`` says what it is.
    """

    rows: tuple[RunRow, ...]
    total: int
    page: int
    size: int
    families: dict[str, FamilyRow] = {}


class ModelResult(Frozen):
    """One measured model of a run: teacher, student, control or a compressed one."""

    step: str
    role: Role
    label: str
    digest: str = Field(description="of its ONNX artifact: what Compare loads")
    measurements: dict[str, Measurement]


class Package(Frozen):
    """A model that a run has written as the file of another program."""

    step: str
    label: str
    digest: str
    file: str = Field(description="its name in the store; the ending tells its kind")
    words: str = Field(description="what was measured of it as it was read back")


class RunDetail(Frozen):
    """A run with everything that it measured."""

    run: Run
    results: tuple[ModelResult, ...]
    packages: tuple[Package, ...] = ()
    gain: Difference | None = Field(default=None, description="student minus control over this run's test examples")
    findings: tuple[str, ...] = Field(default=(), description="what its reports found, one sentence each")
    unlearned: str = Field(default="", description="a sentence where models have learned no more than the most frequent label")
    command: str
    yaml: str


class Servable(Frozen):
    """A model that Compare can load."""

    digest: str
    title: str
    role: Role
    task: str
    run: str
    file_bytes: int = Field(description="of the ONNX file that is loaded")
    download_bytes: int = Field(default=0, description="what travels: the packed file, else the gzipped one; 0 where not known")
    headline: str
    latency_ms: float | None = Field(default=None, description="p50 as Measure read it; None where its run read no speed")
    latency_origin: Origin = Origin.MEASURED
    speedup: float | None = Field(default=None, description="against its run's teacher, read in turn with it")
    run_name: str = ""
    chat: bool = Field(default=False, description="whether it has a chat template")
    apart: str = Field(default="", description="settings that tell it from models of the same name, e.g. temperature 4, seed 1")


class Answer(Frozen):
    """One model's prediction for one input."""

    digest: str
    parts: tuple[AnswerPart, ...]
    latency_ms: Measurement
    file_bytes: int


class Example(Frozen):
    """A test example that Compare offers: text, or an image as rows of 0..255, three of a pixel in colour; a sound has its
    spectrogram."""

    index: int
    truth: str
    text: str | None = None
    image: list[list[int]] | list[list[list[int]]] | None = None
    sound: str | None = Field(default=None, description="a WAV file in base64")
    passage: str | None = Field(default=None, description="what the text, a question, is about")
    items: tuple[str, ...] | None = Field(default=None, description="of a history, the latest first")
    then: tuple[str, ...] = Field(default=(), description="of a history, what was taken after it")


class Overview(Frozen):
    """The header strip."""

    device: str = Field(description="e.g. CPU · 2 cores · VNNI")
    running: int
    queued: int
    launcher_alive: bool
    serving: str = Field(default="", description="a sentence when the serving process was restarted, else empty")
    read_only: bool = Field(default=False, description="a gallery of recorded runs, in which nothing can be queued")
    trouble: str = Field(default="", description="why the queue does not go on at the moment, else empty")
