"""Decoupled distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class DkdSpec(SoftTargetKnobs):
    """Settings of decoupled knowledge distillation (Zhao et al. 2022, section 3)."""

    target_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        title="Target-class weight",
        description="Weight of the teacher's confidence in the true class.",
    )
    others_weight: float = Field(
        default=4.0,
        ge=0,
        le=100,
        title="Non-target-class weight",
        description="Weight of the distribution over the other classes, which a confident teacher suppresses in plain soft "
        "targets.",
    )


def plan(builder: PlanBuilder, stage: str, spec: DkdSpec) -> None:
    """As soft targets, with the loss in two parts."""
    settings = {**spec.soft(), "target_weight": spec.target_weight, "others_weight": spec.others_weight}
    plan_student(builder, stage, spec, method="dkd", operation="decoupled", settings=settings)


METHOD = Method(
    name="dkd",
    title="Decoupled KD (DKD)",
    group=Group.DISTILL,
    transfers="outputs",
    flow="target | non-target",
    source="Zhao et al. 2022, arXiv:2203.08679, section 3",
    needs=frozenset({"rows", "truths"}),
    order=Place.STUDENT,
    version=1,
    spec=DkdSpec,
    plan=plan,
    summary="Split the distillation loss into a target-class and a non-target-class term with separate weights.",
)
