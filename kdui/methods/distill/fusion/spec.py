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
        title="Train the teacher",
        description="Keep training the teacher beside the student. Off: the teacher stays frozen.",
    )
    own_loss: Literal["self-supervised", "supervised", "both"] = Field(
        default="both",
        title="Teacher's own loss",
        description="Self-supervised: masked or next-token prediction for text, rotation prediction for images, without "
        "labels. Supervised: ground-truth labels. Both: their mean; without labels a teacher may forget its "
        "task.",
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
        description="Teacher learning rate as a fraction of the student's: it is already trained.",
        json_schema_extra={"advanced": True, "only_when": {"teacher_learns": [True]}},
    )
    cache_teacher: bool = Field(default=False, title="Cache teacher outputs", json_schema_extra=NEVER)


OWN = ("teacher_learns", "own_loss", "balance", "teacher_rate")


def plan(builder: PlanBuilder, stage: str, spec: FusionSpec) -> None:
    """One loop for both; the taught teacher is where its part starts. Only outputs that do not change are kept."""
    if spec.cache_teacher and spec.teacher_learns:
        raise RecipeError(f"Stage '{stage}' runs its teacher in every step, because it changes. Leave 'cache_teacher' out.")
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
        raise RecipeError(f"Stage '{stage}' masks tokens, but {facts.title} has no state per token. {otherwise}")
    if builder.task.modality == "image" and builder.task.input["height"] != builder.task.input["width"]:
        raise RecipeError(f"Stage '{stage}' rotates images by 90°, but those of {builder.task.title} are not square. {otherwise}")


METHOD = Method(
    name="fusion",
    title="Joint training (fusion)",
    group=Group.DISTILL,
    transfers="sources",
    flow="joint training",
    picture="exchange",
    source="λ-weighted joint loss; Gidaris et al. 2018, arXiv:1803.07728, section 2; Devlin et al. 2019, section 3.1",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=FusionSpec,
    plan=plan,
    summary="Train teacher and student jointly; the teacher keeps its own loss.",
)
