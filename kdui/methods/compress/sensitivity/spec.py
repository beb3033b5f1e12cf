"""Sensitivity: the form, its place in the plan, and the name of a result that is measured outside a run."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.contracts import StageSpec, TaskFacts
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder, step_digest

OPERATION = "sensitivity"  # the function of ``apply.py`` that makes a report
ALL = ("prune", "quantize", "low_rank")


class SensitivitySpec(StageSpec):
    """Settings of the measurement layer by layer."""

    examples: int = Field(
        default=512,
        ge=16,
        le=20_000,
        title="Validation examples",
        description="Validation examples per measurement. More examples resolve smaller drops and take longer.",
    )
    changes: Literal["all", "prune", "quantize", "low_rank"] = Field(
        default="all",
        title="Methods to try",
        description="All: magnitude pruning, fewer bits and lower rank; each layer individually, then all together.",
        json_schema_extra={"advanced": True},
    )


def settings_of(spec: SensitivitySpec) -> dict[str, Any]:
    """What decides the result."""
    return {"examples": spec.examples, "methods": list(ALL if spec.changes == "all" else (spec.changes,))}


def sensitivity_digest(model: str, task: TaskFacts, settings: dict[str, Any]) -> str:
    """The name of the result for an exported model, whether a run or the page needs it: neither measures it twice."""
    return step_digest(
        method=METHOD.name,
        version=METHOD.version,
        operation=OPERATION,
        settings=settings,
        task=task,
        inputs={"model": model},
    )


def plan(builder: PlanBuilder, stage: str, spec: SensitivitySpec) -> None:
    """One step on the float graph that compression works on: the student where there is one, else the teacher."""
    model = builder.need_model(stage)
    builder.add(
        stage,
        stage=stage,
        method="sensitivity",
        operation=OPERATION,
        produces="report",
        role=model.role,
        label=f"{model.label} · sensitivity",
        settings=settings_of(spec),
        inputs={"model": builder.exported(model)},
    )


METHOD = Method(
    name="sensitivity",
    title="Sensitivity",
    group=Group.COMPRESS,
    order=Place.PROBED,
    version=1,
    spec=SensitivitySpec,
    plan=plan,
    summary="Layer sensitivity: compress one layer at a time and measure the accuracy drop.",
)
