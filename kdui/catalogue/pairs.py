"""Which teachers and students go together on which task: one row a teacher, the first is the default.

Presets that say so themselves are offered after those of the rows.
"""

from typing import Literal

from pydantic import Field

from kdui.catalogue.models import CHECKPOINT, FAMILIES, preset, presets
from kdui.core.contracts import Family, Preset, TaskFacts
from kdui.core.plain import Frozen
from kdui.core.recipe import ModelRef


class Pair(Frozen):
    """A teacher and the students that learn well from it, both as short references."""

    on: str = Field(description="a task's name, or a problem or a modality for every task of it that has no rows of its own")
    teacher: str
    students: tuple[str, ...]


_DIGITS = ("cnn-small", "cnn-tiny", "resnet-tiny", "depthwise-tiny", "squeeze-excite-tiny", "lenet-300-100")
_IMAGES = (
    *("resnet-8-slim", "resnet-8", "cnn-medium", "depthwise-slim", "depthwise", "squeeze-excite-slim", "squeeze-excite"),
    "lenet-300-100",
)
_TEXTS = (
    *("bilstm-128", "bilstm-64", "pooled-64", "pooled-32", "minilm-l3", "minilm-l2", "minilm-l1"),
    *("bilstm-128-trim", "bilstm-64-trim", "pooled-64-trim", "minilm-l3-trim", "minilm-l3-narrow", "minilm-l1-slim"),
)

PAIRS = (
    Pair(on="digits", teacher="cnn-medium", students=_DIGITS),
    Pair(on="digits", teacher="resnet-8", students=_DIGITS),
    Pair(on="digits", teacher="lenet-300-100", students=_DIGITS),
    Pair(on="image", teacher="cnn-large", students=_IMAGES),
    Pair(on="image", teacher="cnn-xlarge", students=_IMAGES),
    Pair(on="image", teacher="resnet-20", students=_IMAGES),
    Pair(on="image", teacher="resnet-8-wide", students=_IMAGES),
    Pair(on="image", teacher="lenet-300-100", students=_IMAGES),
    Pair(on="text", teacher="minilm-l6", students=_TEXTS),
    Pair(on="text", teacher="decoder-4", students=tuple(name for name in _TEXTS if not name.startswith("minilm"))),
    Pair(
        on="spans",
        teacher="minilm-l6-span",
        students=(
            "minilm-l3-span",
            "minilm-l2-span",
            "minilm-l1-span",
            "minilm-l3-trim-span",
            "bilstm-128-span",
            "bilstm-64-span",
        ),
    ),
    Pair(on="ctc", teacher="cnn-bigru-ctc", students=("ds-cnn-ctc", "ds-cnn-ctc-slim", "gru-ctc-64", "gru-ctc-32")),
    Pair(on="language-model", teacher="lm-small", students=("lm-tiny", "lm-mini", "lm-small-l3", "lm-small-narrow")),
    Pair(on="audio", teacher="audio-cnn", students=("ds-cnn-slim", "ds-cnn", "bc-resnet-1", "gru-56")),
    Pair(on="detection", teacher="detector", students=("detector-depthwise", "detector-depthwise-wide", "detector-slim")),
    Pair(on="segmentation", teacher="unet", students=("unet-depthwise", "unet-depthwise-slim", "unet-slim")),
    Pair(on="seq2seq", teacher="s2s-small", students=("s2s-tiny",)),
    Pair(on="generation", teacher="dcgan", students=("dcgan-slim", "dcgan-tiny", "dcgan-depthwise")),
    Pair(on="generation", teacher="dcgan-wide", students=("dcgan-slim", "dcgan", "dcgan-tiny", "dcgan-depthwise")),
    Pair(on="ranking", teacher="history-attention-64", students=("history-mean-16", "history-mean-8")),
    Pair(
        on="language-model",
        teacher="smollm2-135m",
        students=("smollm2-135m-l15", "smollm2-135m-narrow", "lm-tiny", "lm-mini"),
    ),
)


def teachers(task: TaskFacts) -> tuple[str, ...]:
    """Teachers to offer for a task, the default first; presets that fit where there is no row."""
    named = (*(row.teacher for row in _rows(task)), *_offered(task, "teacher"))
    return tuple(dict.fromkeys(named)) or tuple(
        item.name for family, item in presets().values() if _suits(family, item, task) and not item.from_teacher
    )


def students(task: TaskFacts, teacher: ModelRef | str | None) -> tuple[str, ...]:
    """Students to offer beside a teacher, the default first; for a teacher without a row, or none, those that can start so."""
    rows, ref = _rows(task), ModelRef.parse(teacher) if isinstance(teacher, str) else teacher
    more = tuple(name for name in _offered(task, "student") if _can_start(name, ref))
    for row in rows:
        if ref is not None and row.teacher == ref.name and ref.kind == "preset":
            return tuple(dict.fromkeys((*row.students, *more)))
    named = dict.fromkeys(student for row in rows for student in row.students) or dict.fromkeys(teachers(task))
    return tuple(dict.fromkeys((*(name for name in named if _can_start(name, ref)), *more))) or teachers(task)


def _offered(task: TaskFacts, role: Literal["teacher", "student"]) -> tuple[str, ...]:
    """The presets that want to be offered so, where they suit the task."""
    return tuple(item.name for family, item in presets().values() if role in item.offered and _suits(family, item, task))


def _suits(family: Family, item: Preset, task: TaskFacts) -> bool:
    return family.modality == task.modality and task.problem in family.problems and (not item.tasks or task.name in item.tasks)


def _rows(task: TaskFacts) -> list[Pair]:
    own = [row for row in PAIRS if row.on == task.name]
    return own or [row for row in PAIRS if row.on in (task.problem, task.modality) and _suits(*preset(row.teacher), task)]


def _can_start(student: str, teacher: ModelRef | None) -> bool:
    """Whether the student's initial weights can come from such a teacher, as far as the reference alone tells."""
    wanted = preset(student)[1].from_teacher
    if wanted is None or teacher is None or teacher.kind == "artifact":
        return wanted is None or teacher is not None
    if teacher.is_black_box:  # the student starts from public weights in its place
        return True
    family = preset(teacher.name)[0] if teacher.kind == "preset" else FAMILIES[CHECKPOINT]
    return wanted == family.name or wanted in family.offers
