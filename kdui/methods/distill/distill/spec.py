"""Distill: the form, and its place in the plan.

One convention everywhere: ``soft_weight`` is α in ``α · soft + (1 − α) · hard``; the classic λ is 1 − α.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.knobs.training import ADVANCED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder

SKEW = 0.1  # the share of its own distribution that a skewed divergence mixes in (Ko et al. 2024, section 5.1)
Divergence = Annotated[
    Literal["forward", "reverse", "jensen-shannon", "skewed", "skewed-reverse"],
    Field(
        title="Divergence",
        description="Forward: KL(teacher ‖ student), covers all classes. Reverse: mode-seeking. Jensen–Shannon: between the two. "
        "Skewed: against a mixture of both, so that improbable classes can't dominate.",
        json_schema_extra=ADVANCED,
    ),
]
Skew = Annotated[
    float,
    Field(
        gt=0,
        lt=1,
        title="Skew",
        description="Share λ of a skewed divergence: KL(teacher ‖ λ · teacher + (1 − λ) · student), or the same in reverse.",
        json_schema_extra={"advanced": True, "step": 0.05, "only_when": {"divergence": ["skewed", "skewed-reverse"]}},
    ),
]


class DistillSpec(SoftTargetKnobs):
    """Settings of soft-target distillation (Hinton, Vinyals, Dean 2015, section 2)."""

    divergence: Divergence = "forward"
    skew: Skew = SKEW
    standardize: bool = Field(
        default=False,
        title="Standardize logits",
        description="Standardize logits to mean 0 and deviation 1, so that the student matches their relations, not their scale.",
        json_schema_extra=ADVANCED,
    )


def own_settings(spec: DistillSpec) -> dict[str, Any]:
    """The settings of the soft-target loss; what means nothing is left out, so that it makes no other student."""
    schedules = {f"{knob}_schedule": getattr(spec, f"{knob}_schedule") for knob in ("temperature", "soft_weight")}
    divergence = divergence_settings(spec.divergence, spec.skew)
    return {**schedules, **spec.soft(), **divergence, "standardize": spec.standardize}


def divergence_settings(divergence: str, skew: float) -> dict[str, Any]:
    """What decides the loss: a skew means nothing to divergences without one."""
    return {"divergence": divergence} | ({"skew": skew} if divergence.startswith("skewed") else {})


def plan(builder: PlanBuilder, stage: str, spec: DistillSpec) -> None:
    """Teacher outputs (kept for every temperature and α), the student, and its controls."""
    plan_student(builder, stage, spec, method="distill", operation="distill", settings=own_settings(spec))


METHOD = Method(
    name="distill",
    title="Soft targets",
    group=Group.DISTILL,
    transfers="outputs",
    source="Hinton, Vinyals, Dean 2015, section 2",
    needs=frozenset({"rows"}),
    order=Place.STUDENT,
    plain=True,
    version=2,
    spec=DistillSpec,
    plan=plan,
    summary="Train the student on the temperature-softened predictions of the teacher and the ground-truth labels.",
)
