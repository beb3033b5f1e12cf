"""Ranking distillation: the form, and its place in the plan."""

from typing import Literal

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import StudentKnobs
from kdui.core.knobs.training import ADVANCED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class RankingSpec(StudentKnobs):
    """Settings of ranking distillation (Tang and Wang 2018, section 3)."""

    soft_weight: float = Field(
        default=0.5,
        ge=0,
        le=1,
        title="Soft weight α",
        description="Loss = α · ranking loss + (1 − α) · cross-entropy.",
        json_schema_extra={"step": 0.05},
    )
    top: int = Field(
        default=10,
        ge=1,
        le=1000,
        title="Teacher's first items",
        description="How many of the teacher's best items count as further right answers. The true ones are left out of them.",
    )
    sharpness: float = Field(
        default=10.0,
        gt=0,
        le=1000,
        title="Position weight λ",
        description="Item at rank r counts e^(−r/λ): the smaller λ is, the more the first places count.",
        json_schema_extra=ADVANCED,
    )
    discrepancy: float = Field(
        default=0.0,
        ge=0,
        le=10,
        title="Rank discrepancy μ",
        description="Items that the student ranks lower than the teacher count more, by tanh(μ · difference). 0: off. Try 0.1.",
        json_schema_extra=ADVANCED,
    )
    likelihood: Literal["listwise", "pointwise"] = Field(
        default="listwise",
        title="Likelihood",
        description="Listwise: one choice among all items, as models here are trained. Pointwise: each item for itself, as in "
        "the paper.",
        json_schema_extra=ADVANCED,
    )


def plan(builder: PlanBuilder, stage: str, spec: RankingSpec) -> None:
    """As soft targets, with the teacher's first items in place of its distribution."""
    settings = {name: getattr(spec, name) for name in ("soft_weight", "top", "sharpness", "discrepancy", "likelihood")}
    plan_student(builder, stage, spec, method="ranking_distillation", operation="rank", settings=settings)


METHOD = Method(
    name="ranking_distillation",
    title="Ranking distillation",
    group=Group.DISTILL,
    transfers="outputs",
    flow="first items",
    source="Tang, Wang 2018, arXiv:1809.07428, section 3",
    needs=frozenset({"rows", "ranks"}),
    order=Place.STUDENT,
    version=1,
    spec=RankingSpec,
    plan=plan,
    summary="Learn the first items of the teacher's ranking as further right answers, weighted by their rank.",
)
