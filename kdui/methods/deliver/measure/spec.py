"""Measure: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic.config import JsonDict

from kdui.core.contracts import StageSpec
from kdui.core.errors import RecipeError
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder
from kdui.core.runner import RUNNERS, others

# Knobs that joined later, with the value at which they do nothing new: measurements made before them stay valid.
DEFERRED: dict[str, Any] = {
    "speed": True,
    "sweep": True,
    "device": "cpu",
    "other_runtimes": "none",
    "robustness": 0,
    "out_of_domain": 0,
    "generation": True,
    "agreement": 64,
    "choices": 100,
    "generated": 12,
}
NONE, ALL = "none", "all"
LANGUAGE: JsonDict = {"advanced": True, "needs": "continuations"}
SPEED_ONLY: dict[str, Any] = {"advanced": True, "only_when": {"speed": [True]}}


class MeasureSpec(StageSpec):
    """Settings of the one look at the test data and of the latency harness."""

    latency_runs: int = Field(
        default=200,
        ge=20,
        le=10000,
        title="Latency runs",
        description="Timed inferences per model (batch 1), alternating with the teacher in blocks of ten.",
        json_schema_extra={"advanced": True},
    )
    threads: int = Field(
        default=1,
        ge=1,
        le=256,
        title="Threads",
        description="ONNX Runtime threads while timing.",
        json_schema_extra={"advanced": True},
    )
    test_examples: int = Field(
        default=0,
        ge=0,
        title="Test examples",
        description="Test on the first N examples only (0 = all).",
        json_schema_extra={"advanced": True},
    )
    speed: bool = Field(
        default=True,
        title="Speed and memory",
        description="Off: measure quality and size only, enough to compare many repeats of one model.",
        json_schema_extra={"advanced": True},
    )

    sweep: bool = Field(
        default=True,
        title="Latency sweep",
        description="Also time batches of 8 and 32, all threads, and texts of other lengths.",
        json_schema_extra=SPEED_ONLY,
    )
    generation: bool = Field(
        default=True,
        title="Generation speed",
        description="Also time prompts of three lengths and the tokens generated after them, alternating with the teacher.",
        json_schema_extra={**SPEED_ONLY, "needs": "tokens"},
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        title="Timed on",
        description="Device for timing; cuda needs onnxruntime-gpu.",
        json_schema_extra=SPEED_ONLY,
    )
    other_runtimes: str = Field(
        default=NONE,
        title="Other runtimes",
        description="Also run each exported file in another runtime, in turn with ONNX Runtime: which one is faster, and whether "
        "the predictions are the same.",
        json_schema_extra={**SPEED_ONLY, "choices": [NONE, *others(), ALL]},
    )
    robustness: int = Field(
        default=0,
        ge=0,
        le=100_000,
        title="Robustness examples",
        description="Test examples evaluated with noise, blur, typos and similar corruptions at five severities; 0 for none.",
        json_schema_extra={"advanced": True, "needs": "answers"},
    )

    out_of_domain: int = Field(
        default=0,
        ge=0,
        le=100_000,
        title="Out-of-domain examples",
        description="Examples from each source outside the task's own data, e.g. product reviews for film reviews; 0 for none.",
        json_schema_extra={"advanced": True, "modality": "text"},
    )

    agreement: int = Field(
        default=DEFERRED["agreement"],
        ge=0,
        le=100_000,
        title="Texts beside the teacher",
        description="Test texts on which next-token predictions are compared with the teacher's; 0 for none.",
        json_schema_extra=LANGUAGE,
    )
    choices: int = Field(
        default=DEFERRED["choices"],
        ge=0,
        le=100_000,
        title="Multiple-choice questions",
        description="Questions made of test passages: which of four continuations is the passage's own; 0 for none.",
        json_schema_extra=LANGUAGE,
    )
    generated: int = Field(
        default=DEFERRED["generated"],
        ge=0,
        le=10_000,
        title="Generated texts",
        description="Texts that are generated to count how much they repeat themselves; 0 for none.",
        json_schema_extra=LANGUAGE,
    )

    @field_validator("other_runtimes")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in (NONE, *others(), ALL):
            raise ValueError(f"there is no runtime '{name}' beside ONNX Runtime: write {NONE}, {', '.join(others())} or {ALL}")
        return name

    @property
    def runtimes(self) -> tuple[str, ...]:
        """The runtimes beside the usual one that are wanted."""
        return others() if self.other_runtimes == ALL else () if self.other_runtimes == NONE else (self.other_runtimes,)

    def chosen(self) -> dict[str, Any]:
        """What decides a measurement; knobs that came ``DEFERRED`` leave a trace in a digest only where they are turned."""
        return {name: value for name, value in self.model_dump().items() if name not in DEFERRED or value != DEFERRED[name]}


def plan(builder: PlanBuilder, stage: str, spec: MeasureSpec) -> None:
    """One step a model, each against the teacher in fp32 as the baseline; where it cannot be run, against the first model."""
    if not builder.models:
        builder.need_model(stage)
    if spec.out_of_domain and not builder.task.out_of_domain:
        raise RecipeError(f"Stage '{stage}': {builder.task.title} has no out-of-domain data. Leave 'out_of_domain' out there.")
    first = builder.reference or builder.models[0]
    baseline, settings = builder.exported(first), {**spec.chosen(), "machine": builder.machine}
    if spec.runtimes and spec.speed:
        settings["runtimes"] = _installed(stage, spec.runtimes)
    if builder.reference is None or first.produces != "model":
        settings["baseline"] = first.label
    for model in list(builder.models):
        builder.add(
            f"{stage}.{model.name}",
            stage=stage,
            method="measure",
            operation="measure",
            produces="measurements",
            role=model.role,
            label=model.label,
            settings=settings,
            inputs={"model": builder.exported(model), "baseline": baseline},
        )


def _installed(stage: str, names: tuple[str, ...]) -> dict[str, str]:
    """Each runtime's version, because its latency is that of a version; raises RecipeError where one is not there."""
    if missing := " ".join(filter(None, (RUNNERS[name].missing for name in names))):
        raise RecipeError(f"Stage '{stage}': {missing}, or leave 'other_runtimes' out.")
    return {name: str(RUNNERS[name].version) for name in names}


METHOD = Method(
    name="measure",
    title="Measure",
    group=Group.DELIVER,
    order=Place.MEASURED,
    plain=True,
    seconds=4.0,
    version=2,
    spec=MeasureSpec,
    plan=plan,
    summary="Evaluate on test data; measure size, latency, throughput and memory against the fp32 teacher.",
)
