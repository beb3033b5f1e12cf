"""Universal logit distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs, need_open_teacher
from kdui.core.knobs.training import NEVER
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class UniversalSpec(SoftTargetKnobs):
    """Settings of universal logit distillation (Boizard et al. 2024, section 3.2)."""

    temperature: float = Field(
        default=1.0,
        ge=1,
        le=20,
        title="Temperature",
        description="Divides the logits of both by T before their probabilities are sorted.",
        json_schema_extra={"step": 0.5},
    )
    soft_weight: float = Field(
        default=0.5,
        ge=0,
        le=1,
        title="Soft weight α",
        description="Loss = α · distance of the sorted probabilities + (1 − α) · cross-entropy.",
        json_schema_extra={"lens": "soft_weight", "step": 0.05},
    )
    cache_teacher: bool = Field(default=True, title="Cache teacher outputs", json_schema_extra=NEVER)


def plan(builder: PlanBuilder, stage: str, spec: UniversalSpec) -> None:
    """The teacher runs in every step over its own tokens of the same texts."""
    need_open_teacher(builder, stage, "runs its teacher in every step")
    plan_student(builder, stage, spec, method="universal", operation="universal", settings=spec.soft(), outputs=False)


METHOD = Method(
    name="universal",
    title="Universal logits (ULD)",
    group=Group.DISTILL,
    transfers="outputs",
    flow="sorted probabilities",
    source="Boizard et al. 2024, arXiv:2402.12030, section 3.2",
    needs=frozenset({"rows", "continuations"}),
    order=Place.STUDENT,
    version=1,
    spec=UniversalSpec,
    plan=plan,
    summary="Match the sorted probabilities of a teacher with another tokenizer, where both predict from the same text.",
)
