"""Measure: the form, and its place in the plan."""

from typing import Any

from pydantic import Field

from kdui.core.contracts import Method, StageSpec
from kdui.core.plan import Chain


class MeasureSpec(StageSpec):
    """Settings of the one look at the test data and of the latency harness."""

    latency_runs: int = Field(
        default=200,
        ge=20,
        le=10000,
        title="Latency runs",
        description="Timed single answers a model, in turn with the baseline.",
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
        description="Use only the first so many; 0 uses all.",
        json_schema_extra={"advanced": True},
    )
    speed: bool = Field(
        default=True,
        title="Speed and memory",
        description="Off measures quality and size alone: enough where many repeats of one model are compared.",
        json_schema_extra={"advanced": True},
    )

    def chosen(self) -> dict[str, Any]:
        """What decides a measurement; measuring speed is the rule and leaves no trace in a digest."""
        return self.model_dump(exclude=set() if not self.speed else {"speed"})


def plan(chain: Chain, stage: str, spec: MeasureSpec) -> None:
    """One step a model, each against the teacher in fp32 as the baseline; where it cannot be run, against the first model."""
    if not chain.models:
        chain.need_model(stage)
    first = chain.reference or chain.models[0]
    baseline, settings = chain.exported(first), {**spec.chosen(), "machine": chain.machine}
    if chain.reference is None or first.produces != "model":
        settings["baseline"] = first.label
    for model in list(chain.models):
        chain.add(
            f"{stage}.{model.name}",
            stage=stage,
            method="measure",
            operation="measure",
            produces="measurements",
            role=model.role,
            label=model.label,
            settings=settings,
            inputs={"model": chain.exported(model), "baseline": baseline},
        )


METHOD = Method(
    name="measure",
    title="Measure",
    group="deliver",
    order=90,
    version=1,
    spec=MeasureSpec,
    plan=plan,
    summary="Test data once; size, latency, throughput and memory against the teacher in fp32.",
)
