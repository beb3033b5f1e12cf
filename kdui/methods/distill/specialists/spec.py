"""Specialists: the form, and its place in the plan."""

from typing import Any

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.student import SoftTargetKnobs, need_open_teacher, need_student, training_settings
from kdui.core.knobs.training import NEVER
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder, Role, Step
from kdui.methods.distill.ensemble.spec import teach_settings

NUMBERS = r"^\s*\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*\s*$"


class SpecialistsSpec(SoftTargetKnobs):
    """Settings of distillation from one teacher a task (Clark et al. 2019, BAM, section 3.1)."""

    weights: str = Field(
        default="1, 1",
        pattern=NUMBERS,
        title="Weights of the tasks",
        description="Loss weight of each task, in the order of the tasks, separated by commas.",
    )
    separate: bool = Field(
        default=True,
        title="Separate students",
        description="Baseline: one student per task, to see what a shared body costs or gains.",
    )
    cache_teacher: bool = Field(default=True, title="Cache teacher outputs", json_schema_extra=NEVER)


def plan(builder: PlanBuilder, stage: str, spec: SpecialistsSpec) -> None:
    """A specialist a task, their predictions each on its own task, the one student, and what it is compared with."""
    weights = _check(builder, stage, spec)
    student, parts = need_student(builder, stage), builder.task.parts
    specialists = _specialists(builder, stage)
    reads = {
        "outputs": builder.add(
            f"{stage}.outputs",
            stage=stage,
            method="specialists",
            operation="part_outputs",
            produces="outputs",
            label="Specialists' outputs",
            inputs=specialists,
            settings={"train_examples": spec.train_examples},
        )
    }
    start = {"teacher": builder.need_teacher(stage)} if student.from_teacher else {}
    training = {**training_settings(builder, spec), "weights": weights}

    def train(name: str, operation: str, role: Role, label: str, reads: dict[str, Step], **settings: Any) -> Step:
        return builder.add(
            name,
            stage=stage,
            method="specialists",
            operation=operation,
            produces="model",
            role=role,
            inputs={**start, **reads},
            label=label,
            model=student,
            settings={**training, **settings},
        )

    _together(builder, stage, "teachers", "teacher", f"{_teacher_title(builder)}, one a task", specialists)
    taught = train(stage, "distil_parts", "student", f"{student.title} for {len(parts)} tasks", reads, **spec.soft())
    builder.current = builder.add_model(taught)
    if spec.control:
        builder.add_model(train(f"{stage}.control", "train_control", "control", f"{student.title} (no KD)", {}))
    if spec.smooth_control:
        label = f"{student.title} (label smoothing)"
        builder.add_model(train(f"{stage}.smoothed", "train_smoothed", "smoothed", label, reads, **spec.soft()))
    if spec.separate:
        own = {part: f"{student.title} for {part}" for part in parts}
        alone = {
            part: train(f"{stage}.separate.{part}", "distil_parts", "assistant", label, reads, part=part, **spec.soft())
            for part, label in own.items()
        }
        _together(builder, stage, "separate", "assistant", f"{student.title}, one a task", alone)


def _check(builder: PlanBuilder, stage: str, spec: SpecialistsSpec) -> list[float]:
    """The weights of the tasks; raises RecipeError in words for what cannot be done."""
    if not spec.cache_teacher:
        raise RecipeError(f"Stage '{stage}' always caches its specialists' outputs. Leave 'cache_teacher' out.")
    if spec.separate and need_student(builder, stage).options.get("vocabulary"):
        raise RecipeError(
            f"Stage '{stage}': separate students would have different trimmed vocabularies, so they cannot be combined. Set "
            "'separate: false', or choose a student with the whole vocabulary."
        )
    weights = [float(weight) for weight in spec.weights.split(",")]
    if len(weights) != len(builder.task.parts) or not any(weights):
        raise RecipeError(
            f"Stage '{stage}': 'weights' must name a number for each of {', '.join(builder.task.parts)}, "
            "at least one of them above 0."
        )
    return weights


def _teacher_title(builder: PlanBuilder) -> str:
    return builder.teacher_facts.title if builder.teacher_facts else ""


def _specialists(builder: PlanBuilder, stage: str) -> dict[str, Step]:
    """A training of the recipe's teacher on the examples of each task alone, by the settings of the ``teach`` stage."""
    need_open_teacher(builder, stage, "trains a specialist for each task")
    spec = teach_settings(builder, stage)
    return {
        part: builder.add(
            f"{stage}.teacher.{part}",
            stage=stage,
            method="specialists",
            operation="teach_part",
            produces="model",
            role="teacher",
            label=f"{_teacher_title(builder)} for {part}",
            model=builder.teacher_facts,
            inputs={"start": builder.start} if builder.start else {},
            settings={**spec.chosen(), "part": part},
        )
        for part in builder.task.parts
    }


def _together(builder: PlanBuilder, stage: str, name: str, role: Role, label: str, models: dict[str, Step]) -> None:
    """Models of one task each as one graph, so that size, speed and accuracy are those of all of them."""
    step = builder.add(
        f"{stage}.{name}",
        stage=stage,
        method="specialists",
        operation="together",
        produces="onnx",
        role=role,
        label=label,
        inputs={part: builder.exported(model) for part, model in models.items()},
        settings={},
    )
    builder.add_model(step)


METHOD = Method(
    name="specialists",
    title="Specialists",
    group=Group.DISTILL,
    transfers="sources",
    flow="a teacher per task",
    source="Clark et al. 2019, BAM, arXiv:1907.04829, section 3.1",
    needs=frozenset({"parts"}),
    order=Place.STUDENT,
    version=1,
    spec=SpecialistsSpec,
    plan=plan,
    summary="Multi-task distillation: one student with a shared body and a head per task, each task with its own teacher.",
)
