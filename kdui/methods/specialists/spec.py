"""Specialists: the form, and its place in the plan."""

from typing import Any

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.errors import RecipeError
from kdui.core.plan import Chain, Role, Step
from kdui.methods.ensemble.spec import teach_settings
from kdui.methods.student_knobs import SoftTargetKnobs, need_open_teacher, need_student, training_settings
from kdui.methods.training_knobs import NEVER

NUMBERS = r"^\s*\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*\s*$"


class SpecialistsSpec(SoftTargetKnobs):
    """Settings of distillation from one teacher a task (Clark et al. 2019, BAM, section 3.1)."""

    weights: str = Field(
        default="1, 1",
        pattern=NUMBERS,
        title="Weights of the tasks",
        description="How much an example of each task counts, in the order of the tasks, with commas between.",
    )
    separate: bool = Field(
        default=True,
        title="Separate students",
        description="Also train one student for each task, to see what sharing a body costs or gives.",
    )
    cache_teacher: bool = Field(default=True, title="Keep teacher outputs", json_schema_extra=NEVER)


def plan(chain: Chain, stage: str, spec: SpecialistsSpec) -> None:
    """A specialist a task, their answers each on its own task, the one student, and what it is compared with."""
    weights = _check(chain, stage, spec)
    student, parts = need_student(chain, stage), chain.task.parts
    specialists = _specialists(chain, stage)
    reads = {
        "outputs": chain.add(
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
    start = {"teacher": chain.need_teacher(stage)} if student.from_teacher else {}
    training = {**training_settings(chain, spec), "weights": weights}

    def train(name: str, operation: str, role: Role, label: str, reads: dict[str, Step], **settings: Any) -> Step:
        return chain.add(
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

    _together(chain, stage, "teachers", "teacher", f"{_teacher_title(chain)}, one a task", specialists)
    taught = train(stage, "distil_parts", "student", f"{student.title} for {len(parts)} tasks", reads, **spec.soft())
    chain.current = chain.add_model(taught)
    if spec.control:
        chain.add_model(train(f"{stage}.control", "train_control", "control", f"{student.title} without teachers", {}))
    if spec.smooth_control:
        label = f"{student.title} on smoothed labels"
        chain.add_model(train(f"{stage}.smoothed", "train_smoothed", "smoothed", label, reads, **spec.soft()))
    if spec.separate:
        own = {part: f"{student.title} for {part}" for part in parts}
        alone = {
            part: train(f"{stage}.separate.{part}", "distil_parts", "assistant", label, reads, part=part, **spec.soft())
            for part, label in own.items()
        }
        _together(chain, stage, "separate", "assistant", f"{student.title}, one a task", alone)


def _check(chain: Chain, stage: str, spec: SpecialistsSpec) -> list[float]:
    """The weights of the tasks; raises RecipeError in words for what cannot be done."""
    if not chain.task.parts:
        raise RecipeError(
            f"Stage '{stage}' needs a task of several parts, but {chain.task.title} is one. Choose reuters-and-sentiment."
        )
    if not spec.cache_teacher:
        raise RecipeError(f"Stage '{stage}' always keeps its specialists' outputs. Leave 'cache_teacher' out.")
    if spec.separate and need_student(chain, stage).options.get("vocabulary"):
        raise RecipeError(
            f"Stage '{stage}': separate students would each keep the words of their own task, so they cannot be put together. "
            "Set 'separate: false', or take a student with the whole vocabulary."
        )
    weights = [float(weight) for weight in spec.weights.split(",")]
    if len(weights) != len(chain.task.parts) or not any(weights):
        raise RecipeError(
            f"Stage '{stage}': 'weights' must name a number for each of {', '.join(chain.task.parts)}, "
            "at least one of them above 0."
        )
    return weights


def _teacher_title(chain: Chain) -> str:
    return chain.teacher_facts.title if chain.teacher_facts else ""


def _specialists(chain: Chain, stage: str) -> dict[str, Step]:
    """A training of the recipe's teacher on the examples of each task alone, by the settings of the ``teach`` stage."""
    need_open_teacher(chain, stage, "trains a specialist for each task")
    spec = teach_settings(chain, stage)
    return {
        part: chain.add(
            f"{stage}.teacher.{part}",
            stage=stage,
            method="specialists",
            operation="teach_part",
            produces="model",
            role="teacher",
            label=f"{_teacher_title(chain)} for {part}",
            model=chain.teacher_facts,
            inputs={"start": chain.start} if chain.start else {},
            settings={**spec.chosen(), "part": part},
        )
        for part in chain.task.parts
    }


def _together(chain: Chain, stage: str, name: str, role: Role, label: str, models: dict[str, Step]) -> None:
    """Models of one task each as one graph, so that size, speed and accuracy are those of all of them."""
    step = chain.add(
        f"{stage}.{name}",
        stage=stage,
        method="specialists",
        operation="together",
        produces="onnx",
        role=role,
        label=label,
        inputs={part: chain.exported(model) for part, model in models.items()},
        settings={},
    )
    chain.add_model(step)


METHOD = Method(
    name="specialists",
    title="Specialists",
    group="distill",
    transfers="sources",
    source="Clark et al. 2019, BAM, arXiv:1907.04829, section 3.1",
    order=20,
    version=1,
    spec=SpecialistsSpec,
    plan=plan,
    summary="One student learns several tasks, each from a teacher of its own: a shared body, a head for each task.",
)
