"""What every distillation method shares: its knobs, the student's step, and the controls that the gain is measured against."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from kdui.core.contracts import Representation
from kdui.core.errors import RecipeError
from kdui.core.knobs.training import ADVANCED, DEFERRED, KEPT_LOGITS, KeptLogits, TrainingKnobs
from kdui.core.plan import ModelFacts, PlanBuilder, Step

LAYERS = r"^(auto|last|\d+:\d+(,\s*\d+:\d+)*)$"
Schedule = Literal["constant", "linear", "cosine"]


class StudentKnobs(TrainingKnobs):
    """Knobs of any stage that trains a student under a teacher.

    ``beside_soft``: the knob that weighs what the teacher gives beside soft targets, where there is one.
    """

    beside_soft: ClassVar[str] = ""

    control: bool = Field(
        default=True,
        title="Control run",
        description="Baseline: train the same student without a teacher for the same number of steps.",
    )
    smooth_control: bool = Field(
        default=False,
        title="Label-smoothing control",
        description="Second baseline: label smoothing with the same entropy as the teacher's targets. A gain over it comes "
        "from the teacher's knowledge, not from soft labels as such.",
        json_schema_extra={**ADVANCED, "needs": "classes"},
    )
    views: int = Field(
        default=4,
        ge=1,
        le=32,
        title="Augmentations per image",
        description="Number of fixed augmentations of each image, whose teacher outputs are cached.",
        json_schema_extra={"advanced": True, "only_when": {"augment": [True]}},
    )
    cache_teacher: bool = Field(
        default=True,
        title="Cache teacher outputs",
        description="Compute the teacher outputs once and reuse them. Off: recompute them in every epoch.",
        json_schema_extra=ADVANCED,
    )
    kept_logits: KeptLogits = KEPT_LOGITS


class SoftTargetKnobs(StudentKnobs):
    """Knobs of the methods whose loss holds α · soft + (1 − α) · hard."""

    temperature: float = Field(
        default=4.0,
        ge=1,
        le=20,
        title="Temperature",
        description="Divides the logits by T before softmax. A higher T gives more weight to the other classes and shows "
        "which ones the teacher finds similar.",
        json_schema_extra={"lens": "temperature", "step": 0.5},
    )
    soft_weight: float = Field(
        default=0.7,
        ge=0,
        le=1,
        title="Soft weight α",
        description="Loss = α · distillation loss + (1 − α) · cross-entropy. At 1 the student learns from the teacher alone.",
        json_schema_extra={"lens": "soft_weight", "step": 0.05},
    )

    temperature_schedule: Schedule = Field(
        default="constant",
        title="Temperature schedule",
        description="How T changes over training.",
        json_schema_extra=ADVANCED,
    )
    last_temperature: float = Field(
        default=1.0,
        ge=1,
        le=20,
        title="Final temperature",
        description="Value at the end of the schedule.",
        json_schema_extra={"advanced": True, "step": 0.5, "only_when": {"temperature_schedule": ["linear", "cosine"]}},
    )
    soft_weight_schedule: Schedule = Field(
        default="constant",
        title="Soft-weight schedule",
        description="How α changes over training.",
        json_schema_extra=ADVANCED,
    )
    last_soft_weight: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Final soft weight",
        description="Value at the end of the schedule.",
        json_schema_extra={"advanced": True, "step": 0.05, "only_when": {"soft_weight_schedule": ["linear", "cosine"]}},
    )

    def soft(self) -> dict[str, Any]:
        """The knobs of this class alone; a schedule only where there is one: digests of students without one stay."""
        settings: dict[str, Any] = {}
        for knob in ("temperature", "soft_weight"):
            settings[knob] = getattr(self, knob)
            if getattr(self, f"{knob}_schedule") != "constant":
                settings |= {name: getattr(self, name) for name in (f"{knob}_schedule", f"last_{knob}")}
        return settings


class RepresentationKnobs(SoftTargetKnobs):
    """Knobs of the methods that also match intermediate features: total = α · soft + (1 − α) · hard + β · match."""

    beside_soft = "match_weight"

    match_weight: float = Field(
        default=1.0,
        ge=0,
        le=10000,
        title="Feature loss weight β",
        description="Weight of the feature-matching loss relative to the soft and hard losses.",
    )

    def soft(self) -> dict[str, Any]:
        """Also the weight of the match."""
        return {**super().soft(), "match_weight": self.match_weight}


def need_student(builder: PlanBuilder, stage: str) -> ModelFacts:
    """The student of the recipe; raises RecipeError where none is named."""
    if builder.student_facts is None:
        raise RecipeError(f"Stage '{stage}' has no student. Name one in 'student:'.")
    return builder.student_facts


def need_one_answer(builder: PlanBuilder, stage: str) -> None:
    """Raises RecipeError where the task combines several: one soft answer over the labels of all of them would mean nothing."""
    if builder.task.parts:
        raise RecipeError(
            f"Stage '{stage}' transfers one distribution over all labels, but {builder.task.title} has "
            f"{len(builder.task.parts)} tasks. Use the method 'specialists'; set 'soft_weight: 0' where a stage fine-tunes."
        )


def shared_representation(builder: PlanBuilder, stage: str, wanted: tuple[Representation, ...]) -> Representation:
    """The first wanted kind of intermediate features that teacher and student both have; raises RecipeError for none."""
    teacher, student = builder.teacher_facts, need_student(builder, stage)
    for kind in wanted:
        if kind in student.family.shows and (teacher is None or kind in teacher.family.shows):
            _need_same_words(stage, kind, teacher, student)
            return kind
    words = {"maps": "feature maps", "tokens": "a hidden state for each token", "attention": "self-attention"}
    matched = " or ".join(words[kind] for kind in wanted)
    shown = {
        facts.title: ", ".join(words[kind] for kind in facts.family.shows) or "no intermediate features"
        for facts in (teacher, student)
        if facts is not None
    }
    raise RecipeError(
        f"Stage '{stage}' matches {matched}, but "
        + " and ".join(f"{title} shows {has}" for title, has in shown.items())
        + ". Choose another pair, or a method that transfers outputs."
    )


def check_layers(builder: PlanBuilder, stage: str, layers: str) -> None:
    """Raises RecipeError for a pair with a layer that teacher or student does not have, where their depth is known."""
    if ":" not in layers:
        return
    pairs = [tuple(int(number) for number in pair.split(":")) for pair in layers.split(",")]
    for place, role, facts in ((0, "student", builder.student_facts), (1, "teacher", builder.teacher_facts)):
        depth = facts.layers if facts is not None else None
        deepest = max(pair[place] for pair in pairs)
        if facts is not None and depth and deepest >= depth:
            raise RecipeError(
                f"Stage '{stage}' pairs layer {deepest} of the {role}, but {facts.title} has layers 0 to {depth - 1}. "
                "Write student:teacher pairs counted from 0, or auto."
            )


def _is_trimmed(teacher: ModelFacts | None, student: ModelFacts) -> bool:
    """Whether a student that starts from its teacher keeps a part of its tokens only."""
    kept = student.options.get("vocabulary") if student.from_teacher else None
    whole = teacher.options.get("vocabulary") if teacher is not None and teacher.family.own_tokenizer else None
    return bool(kept) and (whole is None or kept < whole)


def _need_same_words(stage: str, kind: Representation, teacher: ModelFacts | None, student: ModelFacts) -> None:
    """Raises RecipeError where values come by token and the student's vocabulary is trimmed: it cuts texts otherwise."""
    if kind != "maps" and _is_trimmed(teacher, student):
        raise RecipeError(
            f"Stage '{stage}' matches features token by token, but the vocabulary of {student.title} is trimmed, so it "
            "tokenizes text differently from its teacher. Leave 'vocabulary' out, or choose a method that transfers "
            "outputs or relations."
        )


def need_same_tokens(builder: PlanBuilder, stage: str) -> None:
    """Raises RecipeError for a student whose tokenizer will be trained here, under a teacher that has another one.

    Two of one size are trained on the same texts, and are the same.
    """
    teacher, student = builder.teacher_facts, need_student(builder, stage)
    own = student.options.get("vocabulary") if student.family.own_tokenizer else None
    if own and _is_trimmed(teacher, student) and teacher is not None and teacher.family.own_tokenizer:
        raise RecipeError(
            f"Stage '{stage}' matches distributions over the same tokens, but {student.title} keeps {own:,} of its teacher's. "
            "Leave 'vocabulary' out, or choose a method that bridges tokenizers: 'sequence' or 'universal'."
        )
    if not own or student.from_teacher or student.source or teacher is None:
        return
    trained_here = teacher.family.own_tokenizer and (teacher.source or "artifact:").startswith("artifact:")
    if not trained_here or teacher.options.get("vocabulary") != own:
        raise RecipeError(
            f"Stage '{stage}' matches distributions over the same tokens, but {student.title} trains a tokenizer of its own "
            f"({own:,} tokens), which is not that of {teacher.title}. Choose a student that takes its teacher's, e.g. lm-tiny, "
            "or a method that bridges tokenizers: 'sequence' or 'universal'."
        )


def teacher_outputs(
    builder: PlanBuilder,
    stage: str,
    spec: TrainingKnobs,
    teacher: Step | None = None,
    views: int = 0,
    augmentation: dict[str, Any] | None = None,
) -> Step:
    """The step that runs the teacher on every training example; all methods share it.

    ``augmentation`` names the views of a transfer set (see ``training.augmentation``); without it views are shifts.
    """
    need_one_answer(builder, stage)
    teacher = teacher or builder.need_teacher(stage)
    if teacher.produces == "outputs" and not builder.task.outputs:
        raise RecipeError(
            f"Stage '{stage}' matches the teacher's distributions, but {teacher.label} only writes texts. Use the method "
            "'sequence', which learns from them, or a teacher with weights."
        )
    if teacher.produces == "outputs":  # a table of answers is what this step would make
        if augmentation:
            raise RecipeError(
                f"Stage '{stage}' needs predictions on augmented examples, but {teacher.label} holds predictions on the "
                "original examples only. Choose another method, or a teacher that can be run."
            )
        if views:
            raise RecipeError(
                f"Stage '{stage}' augments its images, but {teacher.label} holds predictions on the original images only. "
                "Switch 'augment' off, or choose a teacher that can be run."
            )
        return teacher
    name = f"{stage}.scored" if augmentation else f"{stage}.outputs"
    settings: dict[str, Any] = {"views": views, "train_examples": spec.train_examples}
    kept = getattr(spec, "kept_logits", KEPT_LOGITS)
    if kept != DEFERRED["kept_logits"]:
        settings["kept_logits"] = kept
    return builder.add(
        name if teacher is builder.teacher else f"{name}.{teacher.name}",
        stage=stage,
        method=builder.distiller,
        operation="teacher_outputs",
        produces="outputs",
        label="Teacher outputs",
        inputs={"teacher": teacher},
        settings={**settings, "augmentation": augmentation} if augmentation else settings,
    )


def teacher_features(builder: PlanBuilder, stage: str, spec: StudentKnobs, features: dict[str, Any]) -> Step:
    """The step that keeps the teacher's intermediate features; ``features`` says which (see ``training.teacher_features``)."""
    teacher, student = builder.need_teacher(stage), need_student(builder, stage)
    return builder.add(
        f"{stage}.features",
        stage=stage,
        method=builder.distiller,
        operation="teacher_features",
        produces="outputs",
        label="Teacher features",
        inputs={"teacher": teacher},
        model=student,  # which of the teacher's layers are wanted depends on how many the student has
        settings={**features, "views": spec.views if spec.augment else 0, "train_examples": spec.train_examples},
    )


def need_open_teacher(builder: PlanBuilder, stage: str, what: str) -> None:
    """Raises RecipeError where only the teacher's predictions are known; ``what`` says for what more is needed."""
    teacher = builder.need_teacher(stage)
    if teacher.produces != "model":
        raise RecipeError(
            f"Stage '{stage}' {what}, but {teacher.label} provides predictions only. Choose a method that transfers outputs "
            "and leave 'cache_teacher' on, or take a teacher with weights."
        )


def training_settings(builder: PlanBuilder, spec: StudentKnobs) -> dict[str, Any]:
    """What decides a student's training beside the method: the controls leave out all that belongs to the teacher."""
    settings: dict[str, Any] = {"seed": builder.recipe.seed, **spec.training()}
    if spec.augment:
        settings["views"] = spec.views
    return settings
