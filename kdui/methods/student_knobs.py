"""What every distillation method shares: its knobs, the student's step, and the controls that the gain is measured against."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from kdui.core.contracts import Representation
from kdui.core.errors import RecipeError
from kdui.core.plan import Chain, ModelFacts, Step
from kdui.methods.training_knobs import ADVANCED, TrainingKnobs

LAYERS = r"^(auto|last|\d+:\d+(,\s*\d+:\d+)*)$"
Course = Literal["constant", "linear", "cosine"]


class StudentKnobs(TrainingKnobs):
    """Knobs of any stage that trains a student under a teacher."""

    control: bool = Field(
        default=True,
        title="Control run",
        description="Also train the same student without the teacher at equal compute, so that the gain is measured.",
    )
    smooth_control: bool = Field(
        default=False,
        title="Control with smoothed labels",
        description="Also train the student on labels smoothed to the entropy of the teacher's targets: what is left of the "
        "gain is what the teacher knows, not that its answers are soft.",
        json_schema_extra=ADVANCED,
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


class SoftTargetKnobs(StudentKnobs):
    """Knobs of the methods whose loss holds α · soft + (1 − α) · hard."""

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

    def soft(self) -> dict[str, Any]:
        """The knobs of this class alone."""
        return {"temperature": self.temperature, "soft_weight": self.soft_weight}


class RepresentationKnobs(SoftTargetKnobs):
    """Knobs of the methods that also match inner values: total = α · soft + (1 − α) · hard + β · match."""

    match_weight: float = Field(
        default=1.0,
        ge=0,
        le=10000,
        title="Match weight β",
        description="How much the match of inner values counts beside the soft and hard losses.",
    )

    def soft(self) -> dict[str, Any]:
        """Also the weight of the match."""
        return {**super().soft(), "match_weight": self.match_weight}


def need_student(chain: Chain, stage: str) -> ModelFacts:
    """The student of the recipe; raises RecipeError where none is named."""
    if chain.student_facts is None:
        raise RecipeError(f"Stage '{stage}' has no student. Name one in 'student:'.")
    return chain.student_facts


def need_one_answer(chain: Chain, stage: str) -> None:
    """Raises RecipeError where the task combines several: one soft answer over the labels of all of them would mean nothing."""
    if chain.task.parts:
        raise RecipeError(
            f"Stage '{stage}' transfers one answer over all labels, but {chain.task.title} asks "
            f"{len(chain.task.parts)} questions. Use the method 'specialists'; set 'soft_weight: 0' where a stage recovers."
        )


def shared_representation(chain: Chain, stage: str, wanted: tuple[Representation, ...]) -> Representation:
    """The first of the wanted kinds of inner values that teacher and student both have; raises RecipeError where none is."""
    teacher, student = chain.teacher_facts, need_student(chain, stage)
    for kind in wanted:
        if kind in student.family.shows and (teacher is None or kind in teacher.family.shows):
            _need_same_words(stage, kind, student)
            return kind
    words = {"maps": "feature maps", "tokens": "a hidden state for each token", "attention": "self-attention"}
    matched = " or ".join(words[kind] for kind in wanted)
    shown = {
        facts.title: ", ".join(words[kind] for kind in facts.family.shows) or "none of its inner values"
        for facts in (teacher, student)
        if facts is not None
    }
    raise RecipeError(
        f"Stage '{stage}' matches {matched}, but "
        + " and ".join(f"{title} shows {has}" for title, has in shown.items())
        + ". Choose another pair, or a method that transfers outputs."
    )


def check_layers(chain: Chain, stage: str, layers: str) -> None:
    """Raises RecipeError for a pair with a layer that teacher or student does not have, where their depth is known."""
    if ":" not in layers:
        return
    pairs = [tuple(int(number) for number in pair.split(":")) for pair in layers.split(",")]
    for place, role, facts in ((0, "student", chain.student_facts), (1, "teacher", chain.teacher_facts)):
        depth = facts.options.get(facts.family.depth) if facts is not None else None
        deepest = max(pair[place] for pair in pairs)
        if facts is not None and depth and deepest >= depth:
            raise RecipeError(
                f"Stage '{stage}' pairs layer {deepest} of the {role}, but {facts.title} has layers 0 to {depth - 1}. "
                "Write student:teacher pairs counted from 0, or auto."
            )


def _need_same_words(stage: str, kind: Representation, student: ModelFacts) -> None:
    """Raises RecipeError where values come by token and the student's vocabulary is trimmed: it cuts texts otherwise."""
    if kind != "maps" and student.options.get("vocabulary"):
        raise RecipeError(
            f"Stage '{stage}' matches values token by token, but the vocabulary of {student.title} is trimmed: it cuts a text "
            "into other tokens than its teacher. Leave 'vocabulary' out, or choose a method that transfers outputs or relations."
        )


def teacher_outputs(
    chain: Chain,
    stage: str,
    spec: TrainingKnobs,
    teacher: Step | None = None,
    views: int = 0,
    augmentation: dict[str, Any] | None = None,
) -> Step:
    """The step that asks the teacher about every training example; all methods share it.

    ``augmentation`` names the views of a transfer set (see ``training.augmentation``); without it views are shifts.
    """
    need_one_answer(chain, stage)
    teacher = teacher or chain.need_teacher(stage)
    if teacher.produces == "outputs":  # a table of answers is what this step would make
        if augmentation:
            raise RecipeError(
                f"Stage '{stage}' needs answers to changed examples, but {teacher.label} answers the examples as they are. "
                "Choose another method, or take a teacher that can be asked."
            )
        if views:
            raise RecipeError(
                f"Stage '{stage}' augments its pictures, but {teacher.label} holds answers to the pictures as they are. "
                "Switch 'augment' off, or take a teacher that can be asked."
            )
        return teacher
    name = f"{stage}.scored" if augmentation else f"{stage}.outputs"
    settings: dict[str, Any] = {"views": views, "train_examples": spec.train_examples}
    return chain.add(
        name if teacher is chain.teacher else f"{name}.{teacher.name}",
        stage=stage,
        method="distill",
        operation="teacher_outputs",
        produces="outputs",
        label="Teacher outputs",
        inputs={"teacher": teacher},
        settings={**settings, "augmentation": augmentation} if augmentation else settings,
    )


def teacher_features(chain: Chain, stage: str, spec: StudentKnobs, features: dict[str, Any]) -> Step:
    """The step that keeps the teacher's inner values; ``features`` says which (see ``training.teacher_features``)."""
    teacher, student = chain.need_teacher(stage), need_student(chain, stage)
    return chain.add(
        f"{stage}.features",
        stage=stage,
        method="distill",
        operation="teacher_features",
        produces="outputs",
        label="Teacher's inner values",
        inputs={"teacher": teacher},
        model=student,  # which of the teacher's layers are wanted depends on how many the student has
        settings={**features, "views": spec.views if spec.augment else 0, "train_examples": spec.train_examples},
    )


def need_open_teacher(chain: Chain, stage: str, what: str) -> None:
    """Raises RecipeError where only the teacher's answers are known; ``what`` says for what more is needed."""
    teacher = chain.need_teacher(stage)
    if teacher.produces != "model":
        raise RecipeError(
            f"Stage '{stage}' {what}, but of {teacher.label} only the answers are known. "
            "Choose a method that transfers outputs and leave 'cache_teacher' on, or take a teacher with weights."
        )


def training_settings(chain: Chain, spec: StudentKnobs) -> dict[str, Any]:
    """What decides a student's training beside the method: the controls leave out all that belongs to the teacher."""
    settings: dict[str, Any] = {"seed": chain.recipe.seed, **spec.training()}
    if spec.augment:
        settings["views"] = spec.views
    return settings


def plan_student(
    chain: Chain,
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

    ``settings`` are the method's own; ``features`` names the inner values it matches; ``inputs`` are further steps it reads;
    ``remark`` follows the student's name in its label; ``compression`` are settings that make the student smaller: its controls
    have them, too, and are trained by the method's own operations.
    """
    need_one_answer(chain, stage)
    teacher, student = chain.need_teacher(stage), need_student(chain, stage)
    if features is not None:
        need_open_teacher(chain, stage, "matches inner values")
        check_layers(chain, stage, str(features["layers"]))
    if not spec.cache_teacher:
        need_open_teacher(chain, stage, "asks its teacher in every epoch")
    training = training_settings(chain, spec)
    reads: dict[str, Step] = {"teacher": teacher, **(inputs or {})}
    if outputs and spec.cache_teacher:
        reads["outputs"] = teacher_outputs(chain, stage, spec, views=spec.views if spec.augment else 0)
    if features is not None and spec.cache_teacher:
        reads["features"] = teacher_features(chain, stage, spec, features)
    step = chain.add(
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
    chain.current = chain.add_model(step)
    answers = {name: asked for name, asked in reads.items() if name.startswith("outputs")}
    trained_by = method if compression else "distill"
    plan_controls(chain, stage, spec, targets=settings, answers=answers, compression=compression, method=trained_by)
    return step


def plan_controls(
    chain: Chain,
    stage: str,
    spec: StudentKnobs,
    *,
    targets: Mapping[str, Any],
    answers: Mapping[str, Step] | None = None,
    compression: Mapping[str, Any] | None = None,
    method: str = "distill",
) -> None:
    """The same student without its teacher: on hard labels, and on labels as soft as the targets that the student learned from.

    ``targets`` are the method's settings, of which those count that make its targets softer or harder; ``answers`` the cached
    answers that its targets are made of, without any the recipe's teacher is asked; ``compression`` and ``method``: see
    ``plan_student``.
    """
    student = need_student(chain, stage)
    training = {**training_settings(chain, spec), **(compression or {})}
    start = {"teacher": _own_teacher(chain, stage)} if student.from_teacher else {}
    if spec.control:
        control = chain.add(
            f"{stage}.control",
            stage=stage,
            method=method,
            operation="train_control",
            produces="model",
            role="control",
            inputs=start,
            label=f"{student.title} {'on hard labels, same start' if start else 'without teacher'}",
            model=student,
            settings=training,
        )
        chain.add_model(control)
    if spec.smooth_control:
        soft, asked = softness(targets), dict(answers or {})
        if not asked:  # a teacher that is asked anew in every epoch: its answers to the examples as they are speak for the rest
            asked["outputs"] = teacher_outputs(chain, stage, spec, views=spec.views if spec.augment else 0)
            soft.pop("changed_views", None)
        smoothed = chain.add(
            f"{stage}.smoothed",
            stage=stage,
            method=method,
            operation="train_smoothed",
            produces="model",
            role="smoothed",
            inputs={**start, **asked},
            label=f"{student.title} on smoothed labels",
            model=student,
            settings={**training, **soft},
        )
        chain.add_model(smoothed)


def _own_teacher(chain: Chain, stage: str) -> Step:
    """What a control's first weights come from: an assistant knows what the teacher taught it, so it is the recipe's teacher."""
    teacher = chain.need_teacher(stage)
    return (chain.reference or teacher) if teacher.role == "assistant" else teacher


def softness(targets: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a method's settings that decide how soft its targets are: what ``distill.softness`` reads.

    Methods without a temperature and a soft weight pass the teacher's answers on as they are.
    """
    found: dict[str, Any] = {"temperature": targets.get("temperature", 1.0), "soft_weight": targets.get("soft_weight", 1.0)}
    for knob in ("temperature", "soft_weight"):
        if targets.get(f"{knob}_course", "constant") != "constant":
            found |= {name: targets[name] for name in (f"{knob}_course", f"last_{knob}")}
    found |= {name: targets[name] for name in ("standardize", "weighting") if targets.get(name)}
    return found | ({"changed_views": True} if "augmentation" in targets else {})
