"""A student's place in the plan, with all that it reads of its teacher, and the controls that its gain is measured against."""

from collections.abc import Mapping
from typing import Any, Literal

from kdui.core.knobs.student import (
    StudentKnobs,
    check_layers,
    need_open_teacher,
    need_same_tokens,
    need_student,
    teacher_features,
    teacher_outputs,
    training_settings,
)
from kdui.core.plan import PlanBuilder, Step


def plan_student(
    builder: PlanBuilder,
    stage: str,
    spec: StudentKnobs,
    *,
    method: str,
    operation: str,
    settings: dict[str, Any],
    outputs: bool = True,
    features: dict[str, Any] | None = None,
    inputs: dict[str, Step] | None = None,
    remark: str = "",
    compression: dict[str, Any] | None = None,
) -> Step:
    """The student's step with all that it reads of its teacher, and the controls that the recipe asks for.

    ``settings`` are the method's own; ``features`` names the features it matches; ``inputs`` are further steps it reads;
    ``remark`` follows the student's name in its label; ``compression`` are settings that make the student smaller: its controls
    have them, too, and are trained by the method's own operations.
    """
    teacher, student = builder.need_teacher(stage), need_student(builder, stage)
    reads = _reads(builder, stage, spec, {"teacher": teacher, **(inputs or {})}, outputs, features)
    training = training_settings(builder, spec)
    step = builder.add(
        stage,
        stage=stage,
        method=method,
        operation=operation,
        produces="model",
        role="student",
        inputs=reads,
        label=student.title + remark,
        model=student,
        settings={**training, **settings, **(compression or {}), **({"features": features} if features is not None else {})},
    )
    builder.current = builder.add_model(step)
    answers = {name: source for name, source in reads.items() if name.startswith("outputs")}
    trained_by = method if compression else ""
    plan_controls(builder, stage, spec, targets=settings, answers=answers, compression=compression, method=trained_by)
    return step


def _reads(
    builder: PlanBuilder,
    stage: str,
    spec: StudentKnobs,
    given: Mapping[str, Step],
    outputs: bool,
    features: dict[str, Any] | None,
) -> dict[str, Step]:
    """The given steps, and the teacher's cached outputs and features where the student matches those.

    Raises RecipeError in words where this teacher cannot give what is matched.
    """
    reads = dict(given)
    if features is not None:
        need_open_teacher(builder, stage, "matches intermediate features")
        check_layers(builder, stage, str(features["layers"]))
    if outputs or not spec.cache_teacher:
        need_same_tokens(builder, stage)
    if not spec.cache_teacher:
        need_open_teacher(builder, stage, "runs its teacher in every epoch")
        return reads
    if outputs:
        reads["outputs"] = teacher_outputs(builder, stage, spec, views=spec.views if spec.augment else 0)
    if features is not None:
        reads["features"] = teacher_features(builder, stage, spec, features)
    return reads


def plan_controls(
    builder: PlanBuilder,
    stage: str,
    spec: StudentKnobs,
    *,
    targets: Mapping[str, Any],
    answers: Mapping[str, Step] | None = None,
    compression: Mapping[str, Any] | None = None,
    method: str = "",
) -> None:
    """The same student without its teacher: on hard labels, and on labels as soft as the targets that the student learned from.

    ``targets`` are the method's settings, of which those count that make its targets softer or harder; ``answers`` the cached
    answers that its targets are made of, without any the recipe's teacher is run; ``compression``: see ``plan_student``;
    ``method``: whose operations train them, where those are its own.
    """
    student = need_student(builder, stage)
    training = {**training_settings(builder, spec), **(compression or {})}
    start = {"teacher": _own_teacher(builder, stage)} if student.from_teacher else {}

    def control(
        role: Literal["control", "smoothed"], operation: str, remark: str, inputs: dict[str, Step], settings: dict[str, Any]
    ) -> None:
        step = builder.add(
            f"{stage}.{role}",
            stage=stage,
            method=method or builder.distiller,
            operation=operation,
            produces="model",
            role=role,
            inputs=inputs,
            label=f"{student.title} {remark}",
            model=student,
            settings=settings,
        )
        builder.add_model(step)

    if spec.control:
        control("control", "train_control", "(no KD)", start, training)
    if spec.smooth_control:
        soft, control_answers = softness(targets), dict(answers or {})
        if not control_answers:  # a teacher that is run in every epoch: its predictions on the original examples stand in
            control_answers["outputs"] = teacher_outputs(builder, stage, spec, views=spec.views if spec.augment else 0)
            soft.pop("changed_views", None)
        control("smoothed", "train_smoothed", "(label smoothing)", {**start, **control_answers}, {**training, **soft})


def _own_teacher(builder: PlanBuilder, stage: str) -> Step:
    """The source of a control's initial weights: the recipe's teacher, since an assistant has learned from it."""
    teacher = builder.need_teacher(stage)
    return (builder.reference or teacher) if teacher.role == "assistant" else teacher


def softness(targets: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a method's settings that decide how soft its targets are: what ``distill.softness`` reads.

    Methods without a temperature and a soft weight pass the teacher's predictions on as they are.
    """
    settings: dict[str, Any] = {"temperature": targets.get("temperature", 1.0), "soft_weight": targets.get("soft_weight", 1.0)}
    for knob in ("temperature", "soft_weight"):
        if targets.get(f"{knob}_schedule", "constant") != "constant":
            settings |= {name: targets[name] for name in (f"{knob}_schedule", f"last_{knob}")}
    settings |= {name: targets[name] for name in ("standardize", "weighting") if targets.get(name)}
    return settings | ({"changed_views": True} if "augmentation" in targets else {})
