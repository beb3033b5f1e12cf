"""Fusion: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.knobs.training import NEVER
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class FusionSpec(SoftTargetKnobs):
    """Settings of joint training: λ · the teacher's own loss + (1 − λ) · (α · soft + (1 − α) · hard)."""

    teacher_learns: bool = Field(
        default=True,
        title="Teacher learns on",
        description="The teacher is trained on beside the student; off keeps it as it is, and only the student learns.",
    )
    own_loss: Literal["self-supervised", "supervised", "both"] = Field(
        default="both",
        title="Teacher's own loss",
        description="self-supervised: hidden or next words of texts, quarter turns of pictures, without labels. supervised: the "
        "true labels. both: their mean; without labels alone a teacher may forget what it was taught.",
        json_schema_extra={"only_when": {"teacher_learns": [True]}},
    )
    balance: float = Field(
        default=0.3,
        ge=0,
        le=1,
        title="Balance λ",
        description="λ · teacher's own loss + (1 − λ) · student's loss.",
        json_schema_extra={"step": 0.05, "only_when": {"teacher_learns": [True]}},
    )
    teacher_rate: float = Field(
        default=0.1,
        ge=0,
        le=10,
        title="Teacher's rate",
        description="Its learning rate as a share of the student's: it has learned before.",
        json_schema_extra={"advanced": True, "only_when": {"teacher_learns": [True]}},
    )
    cache_teacher: bool = Field(default=False, title="Keep teacher outputs", json_schema_extra=NEVER)


OWN = ("teacher_learns", "own_loss", "balance", "teacher_rate")


def plan(builder: PlanBuilder, stage: str, spec: FusionSpec) -> None:
    """One loop for both; the taught teacher is where its part starts. Only answers that do not change are kept."""
    if spec.cache_teacher and spec.teacher_learns:
        raise RecipeError(f"Stage '{stage}' asks its teacher in every step, because it changes. Leave 'cache_teacher' out.")
    _need_own_task(builder, stage, spec)
    spec = spec.model_copy(update={"cache_teacher": not spec.teacher_learns})
    own: dict[str, Any] = {name: getattr(spec, name) for name in OWN if spec.teacher_learns or name == "teacher_learns"}
    plan_student(builder, stage, spec, method="fusion", operation="fusion", settings={**spec.soft(), **own})


def _need_own_task(builder: PlanBuilder, stage: str, spec: FusionSpec) -> None:
    """Raises RecipeError where the teacher can learn nothing from its inputs alone."""
    if builder.teacher_facts is None or not spec.teacher_learns or spec.own_loss == "supervised":
        return
    facts, otherwise = builder.teacher_facts, "Choose own_loss: supervised, or another teacher."
    if builder.task.modality == "text" and "tokens" not in facts.family.shows:
        raise RecipeError(f"Stage '{stage}' hides words, but {facts.title} has no state for each word. {otherwise}")
    if builder.task.modality == "image" and builder.task.input["height"] != builder.task.input["width"]:
        raise RecipeError(
            f"Stage '{stage}' turns pictures by quarters, but those of {builder.task.title} are not square. {otherwise}"
        )


METHOD = Method(
    name="fusion",
    title="Joint training (fusion)",
    group=Group.DISTILL,
    transfers="sources",
    flow="both learn",
    picture="exchange",
    source="λ-weighted joint loss; Gidaris et al. 2018, arXiv:1803.07728, section 2; Devlin et al. 2019, section 3.1",
    order=Place.STUDENT,
    version=1,
    spec=FusionSpec,
    plan=plan,
    summary="Teacher and student are trained together: the teacher learns on by a loss of its own while it teaches.",
)
