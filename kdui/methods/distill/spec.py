"""Distill: the form, and its place in the plan.

One convention everywhere: ``soft_weight`` is α in ``α · soft + (1 − α) · hard``; the classic λ is 1 − α.
"""

from typing import Any, Literal

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.plan import Chain
from kdui.methods.student_knobs import Course, SoftTargetKnobs, plan_student
from kdui.methods.training_knobs import ADVANCED


class DistillSpec(SoftTargetKnobs):
    """Settings of soft-target distillation (Hinton, Vinyals, Dean 2015, section 2)."""

    divergence: Literal["forward", "reverse", "jensen-shannon"] = Field(
        default="forward",
        title="Divergence",
        description="forward: KL(teacher ‖ student), covers every answer. reverse: seeks the main one. jensen-shannon: between.",
        json_schema_extra=ADVANCED,
    )
    standardize: bool = Field(
        default=False,
        title="Standardize logits",
        description="Compare logits with mean 0 and deviation 1: the student matches their relations, not their scale.",
        json_schema_extra=ADVANCED,
    )
    temperature_course: Course = Field(
        default="constant",
        title="Course of the temperature",
        description="How it goes from its first to its last value over the training.",
        json_schema_extra=ADVANCED,
    )
    last_temperature: float = Field(
        default=1.0,
        ge=1,
        le=20,
        title="Last temperature",
        description="Where its course ends.",
        json_schema_extra={"advanced": True, "step": 0.5, "only_when": {"temperature_course": ["linear", "cosine"]}},
    )
    soft_weight_course: Course = Field(
        default="constant",
        title="Course of the soft weight",
        description="How α goes from its first to its last value over the training.",
        json_schema_extra=ADVANCED,
    )
    last_soft_weight: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Last soft weight",
        description="Where its course ends.",
        json_schema_extra={"advanced": True, "step": 0.05, "only_when": {"soft_weight_course": ["linear", "cosine"]}},
    )


OWN = tuple(name for name in DistillSpec.model_fields if name not in SoftTargetKnobs.model_fields)


def own_settings(spec: DistillSpec) -> dict[str, Any]:
    """The settings of the soft-target loss; what means nothing is left out, so that it makes no other student."""
    settings = {**spec.soft(), **{name: getattr(spec, name) for name in OWN}}
    for knob in ("temperature", "soft_weight"):
        if settings[f"{knob}_course"] == "constant":
            del settings[f"last_{knob}"]
    return settings


def plan(chain: Chain, stage: str, spec: DistillSpec) -> None:
    """Teacher outputs (kept for every temperature and α), the student, and its controls."""
    plan_student(chain, stage, spec, method="distill", operation="distill", settings=own_settings(spec))


METHOD = Method(
    name="distill",
    title="Soft targets",
    group="distill",
    transfers="outputs",
    source="Hinton, Vinyals, Dean 2015, section 2",
    order=20,
    version=2,
    spec=DistillSpec,
    plan=plan,
    summary="Train the student on the teacher's softened answers and the true labels.",
)
