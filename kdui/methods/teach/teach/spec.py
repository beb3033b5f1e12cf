"""Teach: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.training import ADVANCED, TrainingKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder, Step

PROMPT = 1  # version of what a remote teacher is asked: another one makes other labels


class TeachSpec(TrainingKnobs):
    """Settings of the teacher's training. It has a seed of its own, so that students of many seeds share one teacher."""

    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title="Teacher seed",
        description="Separate from the recipe's seed, so that repeats of a student share one teacher.",
        json_schema_extra=ADVANCED,
    )
    erase: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Random erasing",
        description="Probability of masking a random rectangle with noise. 0.5 is common; regularizes long training.",
        json_schema_extra={**ADVANCED, "modality": "image", "only_when": {"augment": [True]}, "step": 0.05, "percent": True},
    )


def plan(builder: PlanBuilder, stage: str, spec: TeachSpec) -> None:
    """The teacher, which is also the model that compression works on while there is no student; where it was pre-trained, also
    the same teacher without that."""
    if builder.teacher_facts is None:
        raise RecipeError(f"Stage '{stage}' has no teacher to train. Name one in 'teacher:'.")
    if spec.erase and not spec.augment:
        raise RecipeError(f"Stage '{stage}' uses random erasing, but data augmentation is off. Switch 'augment' on, too.")
    if builder.teacher_facts.ref.is_black_box:
        return  # it was taken as it is before any stage, and cannot be trained
    builder.teacher = builder.current = builder.add_model(_taught(builder, stage, spec, stage, builder.start, ""))
    if builder.start is not None and builder.start_control:
        builder.add_model(_taught(builder, stage, spec, f"{stage}.plain", None, " (no pre-training)"))


def _taught(builder: PlanBuilder, stage: str, spec: TeachSpec, name: str, start: Step | None, remark: str) -> Step:
    facts = builder.teacher_facts
    assert facts is not None
    return builder.add(
        name,
        stage=stage,
        method="teach",
        operation="learn" if facts.family.at_once else "teach",
        produces="model",
        role="teacher",
        label=facts.title + remark,
        model=facts,
        inputs={"start": start} if start else {},
        settings={} if facts.family.at_once else spec.chosen(),
    )


def take(builder: PlanBuilder) -> None:
    """The recipe's teacher as it comes: trained, or a black box."""
    assert builder.teacher_facts is not None
    if builder.teacher_facts.ref.is_black_box:
        _take_black_box(builder)
    else:
        _take_trained(builder)


def _take_black_box(builder: PlanBuilder) -> None:
    """The teacher of which only predictions are available: its graph, which is measured, or the predictions themselves."""
    facts = builder.teacher_facts
    assert facts is not None
    asked = "take_labels" if builder.task.outputs else "take_writer"
    operation = {"onnx": "take_graph", "csv": "take_table", "api": asked}[facts.ref.kind]
    step = builder.add(
        "teacher",
        stage="teach",
        method="teach",
        operation=operation,
        produces="onnx" if operation == "take_graph" else "outputs",
        role="teacher",
        label=facts.title,
        model=facts,
        settings={"prompt": PROMPT} if operation == "take_labels" else {},
    )
    builder.teacher = step
    if operation == "take_graph":
        builder.current = builder.add_model(step)


def _take_trained(builder: PlanBuilder) -> None:
    """A teacher that is already trained: without a ``teach`` stage it is measured, queried and may be compressed."""
    facts = builder.teacher_facts
    assert facts is not None
    step = builder.add(
        "teacher",
        stage="teach",
        method="teach",
        operation="take_trained",
        produces="model",
        role="teacher",
        label=facts.title,
        model=facts,
        settings=TeachSpec(epochs=0).chosen(),
    )
    builder.teacher = builder.current = builder.add_model(step)


METHOD = Method(
    name="teach",
    title="Teach",
    group=Group.TEACH,
    order=Place.TEACHER,
    plain=True,
    version=1,
    spec=TeachSpec,
    plan=plan,
    take=take,
    summary="Train the teacher on the ground-truth labels. Turn off to use a teacher that is already trained.",
)
