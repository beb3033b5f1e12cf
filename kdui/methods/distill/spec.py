"""Distill: the form, and its place in the plan.

One convention everywhere: ``soft_weight`` is α in ``α · soft + (1 − α) · hard``; the classic λ is 1 − α.
"""

from typing import Any

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.errors import RecipeError
from kdui.core.plan import Chain, Step
from kdui.methods.training_knobs import ADVANCED, TrainingKnobs


class DistillSpec(TrainingKnobs):
    """Settings of soft-target distillation (Hinton, Vinyals, Dean 2015, section 2)."""

    temperature: float = Field(
        default=4.0,
        ge=1,
        le=20,
        title="Temperature",
        description="Softens the teacher's answer: higher shows more of what it nearly said.",
        json_schema_extra={"lens": "temperature", "step": 0.5},
    )
    soft_weight: float = Field(
        default=0.7,
        ge=0,
        le=1,
        title="Soft weight α",
        description="α · soft + (1 − α) · hard: how much the teacher's answer counts against the true label.",
        json_schema_extra={"lens": "soft_weight", "step": 0.05},
    )
    control: bool = Field(
        default=True,
        title="Control run",
        description="Also train the same student without the teacher at equal compute, so that the gain is measured.",
    )
    views: int = Field(
        default=4,
        ge=1,
        le=32,
        title="Augmented views",
        description="With augmentation: fixed views of each picture whose teacher outputs are kept.",
        json_schema_extra={"advanced": True, "only_when": {"augment": [True]}},
    )
    cache_teacher: bool = Field(
        default=True,
        title="Keep teacher outputs",
        description="Ask the teacher once and reuse its outputs; off asks it again in every epoch.",
        json_schema_extra=ADVANCED,
    )


def plan(chain: Chain, stage: str, spec: DistillSpec) -> None:
    """Teacher outputs (kept for every temperature and α), the student, and its control."""
    teacher = chain.need_teacher(stage)
    student = chain.student_facts
    if student is None:
        raise RecipeError(f"Stage '{stage}' has no student. Name one in 'student:'.")
    # The control's settings leave out all that belongs to the teacher: a grid of temperatures shares one control.
    training: dict[str, Any] = {"seed": chain.recipe.seed, **spec.training()}
    if spec.augment:
        training["views"] = spec.views
    inputs: dict[str, Step] = {"teacher": teacher}
    if spec.cache_teacher:
        inputs["outputs"] = chain.add(
            f"{stage}.outputs",
            stage=stage,
            method="distill",
            operation="teacher_outputs",
            produces="outputs",
            label="Teacher outputs",
            inputs={"teacher": teacher},
            settings={"views": spec.views if spec.augment else 0, "train_examples": spec.train_examples},
        )
    step = chain.add(
        stage,
        stage=stage,
        method="distill",
        operation="distill",
        produces="model",
        role="student",
        inputs=inputs,
        label=student.title,
        model=student,
        settings={**training, "temperature": spec.temperature, "soft_weight": spec.soft_weight},
    )
    chain.current = chain.add_model(step)
    if spec.control:
        start = {"teacher": teacher} if student.from_teacher else {}
        control = chain.add(
            f"{stage}.control",
            stage=stage,
            method="distill",
            operation="train_control",
            produces="model",
            role="control",
            inputs=start,
            label=f"{student.title} without teacher",
            model=student,
            settings=training,
        )
        chain.add_model(control)


METHOD = Method(
    name="distill",
    title="Distill",
    group="distill",
    order=20,
    version=1,
    spec=DistillSpec,
    plan=plan,
    summary="Train the student on the teacher's softened answers and the true labels.",
)
