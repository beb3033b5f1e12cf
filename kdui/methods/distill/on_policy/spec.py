"""On-policy distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.knobs.training import NEVER
from kdui.core.knobs.writing import WritingKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder
from kdui.methods.distill.distill.spec import SKEW, Divergence, Skew, divergence_settings


class OnPolicySpec(SoftTargetKnobs, WritingKnobs):
    """Settings of generalized knowledge distillation (Agarwal et al. 2024, GKD, algorithm 1)."""

    student_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        title="Written by the student",
        description="Share λ of the batches in which the student continues the texts and its teacher corrects each token. In the "
        "others both read the training text.",
        json_schema_extra={"step": 0.05, "percent": True},
    )
    divergence: Divergence = "jensen-shannon"
    skew: Skew = SKEW
    temperature: float = Field(
        default=1.0,
        ge=1,
        le=20,
        title="Temperature",
        description="Divides the logits of both by T: at 1 the distributions are those that text is drawn from.",
        json_schema_extra={"lens": "temperature", "step": 0.5},
    )
    cache_teacher: bool = Field(default=False, title="Cache teacher outputs", json_schema_extra=NEVER)


def plan(builder: PlanBuilder, stage: str, spec: OnPolicySpec) -> None:
    """The teacher runs in every step: what the student writes is known only then."""
    spec = spec.model_copy(update={"cache_teacher": False})
    settings = {
        **spec.soft(),
        **spec.writing(),
        "student_share": spec.student_share,
        **divergence_settings(spec.divergence, spec.skew),
    }
    plan_student(builder, stage, spec, method="on_policy", operation="correct", settings=settings, outputs=False)


METHOD = Method(
    name="on_policy",
    title="On-policy",
    group=Group.DISTILL,
    transfers="outputs",
    flow="corrections of its text",
    picture="exchange",
    source="Agarwal et al. 2024, GKD, arXiv:2306.13649, algorithm 1",
    needs=frozenset({"rows", "continuations"}),
    order=Place.STUDENT,
    version=1,
    spec=OnPolicySpec,
    plan=plan,
    summary="Let the student write, and match the teacher's distribution at each token that it wrote.",
)
