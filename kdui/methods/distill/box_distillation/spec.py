"""Box distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class BoxSpec(SoftTargetKnobs):
    """Settings of box distillation (Chen et al. 2017, section 3)."""

    beside_soft = "box_weight"

    box_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        title="Box weight",
        description="Weight of the loss against the teacher's boxes. The loss against the true boxes counts 1. 0: classes alone.",
        json_schema_extra={"step": 0.1},
    )


def plan(builder: PlanBuilder, stage: str, spec: BoxSpec) -> None:
    """As soft targets, with the teacher's boxes beside them."""
    settings = {**spec.soft(), "box_weight": spec.box_weight}
    plan_student(builder, stage, spec, method="box_distillation", operation="distill_boxes", settings=settings)


METHOD = Method(
    name="box_distillation",
    title="Box distillation",
    group=Group.DISTILL,
    transfers="outputs",
    flow="classes and boxes",
    source="Chen et al. 2017, Learning efficient object detection models with knowledge distillation, section 3",
    needs=frozenset({"rows", "boxes"}),
    order=Place.STUDENT,
    version=1,
    spec=BoxSpec,
    plan=plan,
    summary="Soft targets for the class of each cell, and the teacher's boxes where it finds an object.",
)
