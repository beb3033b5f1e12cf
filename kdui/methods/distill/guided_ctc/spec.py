"""Guided CTC: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import StudentKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class GuidedCtcSpec(StudentKnobs):
    """Settings of guided CTC training (Kurata and Audhkhasi 2019, section 3)."""

    beside_soft = "guide_weight"

    guide_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        title="Guide weight",
        description="Loss = CTC loss + weight · (1 − probability of the teacher's symbols in the frames that emit them).",
        json_schema_extra={"step": 0.1},
    )
    soft_weight: float = Field(
        default=0.0,
        ge=0,
        le=100,
        title="Weight of soft targets",
        description="Weight of KL(teacher ‖ student) a frame, added to the loss. It presumes that both emit a symbol in the same "
        "frame, which the guide brings about.",
        json_schema_extra={"step": 0.1, "advanced": True},
    )


def plan(builder: PlanBuilder, stage: str, spec: GuidedCtcSpec) -> None:
    """As soft targets, with the teacher's emissions in place of its distributions."""
    settings = {"guide_weight": spec.guide_weight, "soft_weight": spec.soft_weight}
    plan_student(builder, stage, spec, method="guided_ctc", operation="guided", settings=settings)


METHOD = Method(
    name="guided_ctc",
    title="Guided CTC",
    group=Group.DISTILL,
    transfers="outputs",
    flow="emitting frames",
    source="Kurata, Audhkhasi 2019, arXiv:1904.08311, section 3",
    needs=frozenset({"rows", "frames"}),
    order=Place.STUDENT,
    version=1,
    spec=GuidedCtcSpec,
    plan=plan,
    summary="Train the student on the CTC loss and draw its symbols to the frames in which its teacher emits them.",
)
