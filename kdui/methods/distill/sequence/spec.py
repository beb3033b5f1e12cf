"""Sequence-level distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import StudentKnobs, need_open_teacher
from kdui.core.knobs.training import NEVER
from kdui.core.knobs.writing import NewTokens, WritingKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class SequenceSpec(StudentKnobs, WritingKnobs):
    """Settings of sequence-level distillation (Kim and Rush 2016, section 3.2), with sampled texts in place of a beam's."""

    written: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="Written by the teacher",
        description="Share of the training texts that the teacher writes anew: it continues or translates them.",
        json_schema_extra={"step": 0.05, "percent": True},
    )
    new_tokens: NewTokens = 256
    cache_teacher: bool = Field(default=True, title="Cache teacher outputs", json_schema_extra=NEVER)


def plan(builder: PlanBuilder, stage: str, spec: SequenceSpec) -> None:
    """The teacher's texts are kept once for all students and trainings; no logits are needed, so tokenizers may differ."""
    teacher = builder.need_teacher(stage)
    remote = teacher.operation == "take_writer"
    if not remote:
        need_open_teacher(builder, stage, "lets its teacher write")
    texts = builder.add(
        f"{stage}.texts",
        stage=stage,
        method="sequence",
        operation="request_texts" if remote else "write_texts",
        produces="outputs",
        label="Texts written by the teacher",
        inputs={"teacher": teacher},
        settings={
            **spec.writing(),
            "written": spec.written,
            "train_examples": spec.train_examples,
            "seed": builder.recipe.seed,
        },
    )
    plan_student(
        builder,
        stage,
        spec,
        method="sequence",
        operation="learn_texts",
        settings={},
        outputs=False,
        inputs={"texts": texts},
    )


METHOD = Method(
    name="sequence",
    title="Sequence-level",
    group=Group.DISTILL,
    transfers="data",
    flow="texts it wrote",
    source="Kim and Rush 2016, arXiv:1606.07947, section 3.2",
    needs=frozenset({"tokens"}),
    order=Place.STUDENT,
    version=1,
    spec=SequenceSpec,
    plan=plan,
    summary="Train the student on texts that its teacher wrote: from the beginnings of training texts, or as their translations.",
)
