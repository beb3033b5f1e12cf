"""Born-again students: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_controls
from kdui.core.knobs.student import need_open_teacher, need_student, teacher_outputs, training_settings
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder
from kdui.methods.distill.distill.spec import DistillSpec, own_settings


class BornAgainSpec(DistillSpec):
    """Settings of born-again self-distillation (Furlanello et al. 2018, arXiv:1805.04770, section 3)."""

    generations: int = Field(
        default=2,
        ge=2,
        le=6,
        title="Generations",
        description="Number of generations. The first learns from the teacher; each next one is initialized anew and "
        "learns from the one before.",
        json_schema_extra={"step": 1},
    )


def plan(builder: PlanBuilder, stage: str, spec: BornAgainSpec) -> None:
    """One student a generation; the last one is the result, and the controls have its number of epochs."""
    student, teacher = need_student(builder, stage), builder.need_teacher(stage)
    if not spec.cache_teacher:
        need_open_teacher(builder, stage, "runs its teacher in every epoch")
    views = spec.views if spec.augment else 0
    step = parent = teacher
    for generation in range(1, spec.generations + 1):
        last = generation == spec.generations
        parent, inputs = step, {"teacher": step}
        if spec.cache_teacher:
            inputs["outputs"] = teacher_outputs(builder, stage, spec, step, views=views)
        seed = builder.recipe.seed + 1000 * (generation - 1)  # new initial weights: the first generation is a plain student
        step = builder.add(
            stage if last else f"{stage}.{generation}",
            stage=stage,
            method="distill",
            operation="distill",
            produces="model",
            role="student" if last else "assistant",
            inputs=inputs,
            label=f"{student.title}, generation {generation}",
            model=student,
            settings={**training_settings(builder, spec), "seed": seed, **own_settings(spec)},
        )
        builder.add_model(step)
    builder.current = step
    answers = {"outputs": teacher_outputs(builder, stage, spec, parent, views=views)} if spec.smooth_control else {}
    plan_controls(builder, stage, spec, targets=own_settings(spec), answers=answers)


METHOD = Method(
    name="born_again",
    title="Born again",
    group=Group.DISTILL,
    transfers="sources",
    flow="step by step",
    picture="chain",
    source="Furlanello et al. 2018, arXiv:1805.04770, section 3",
    needs=frozenset({"rows"}),
    order=Place.STUDENT,
    version=1,
    spec=BornAgainSpec,
    plan=plan,
    summary="Self-distillation over generations: each trained student teaches the next.",
)
