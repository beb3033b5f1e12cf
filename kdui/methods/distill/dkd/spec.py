"""Decoupled distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class DkdSpec(SoftTargetKnobs):
    """Settings of decoupled knowledge distillation (Zhao et al. 2022, section 3)."""

    target_weight: float = Field(
        default=1.0, ge=0, le=100, title="Weight of the true class", description="How sure the teacher is of the true label."
    )
    others_weight: float = Field(
        default=4.0,
        ge=0,
        le=100,
        title="Weight of the others",
        description="How the teacher ranks the wrong labels: in plain soft targets a sure teacher mutes this part.",
    )


def plan(builder: PlanBuilder, stage: str, spec: DkdSpec) -> None:
    """As soft targets, with the loss in two parts."""
    settings = {**spec.soft(), "target_weight": spec.target_weight, "others_weight": spec.others_weight}
    plan_student(builder, stage, spec, method="dkd", operation="decoupled", settings=settings)


METHOD = Method(
    name="dkd",
    title="Decoupled soft targets (DKD)",
    group=Group.DISTILL,
    transfers="outputs",
    flow="true label | the rest",
    source="Zhao et al. 2022, arXiv:2203.08679, section 3",
    order=Place.STUDENT,
    version=1,
    spec=DkdSpec,
    plan=plan,
    summary="Weigh the teacher's certainty and its ranking of the wrong labels apart.",
)
