"""Ensemble: the form, and its place in the plan."""

from typing import Literal

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs, need_student, teacher_outputs
from kdui.core.knobs.training import NEVER
from kdui.core.method import Group, Method, Place
from kdui.core.plain import canonical_json
from kdui.core.plan import ModelFacts, PlanBuilder, Step
from kdui.methods.teach.teach.spec import TeachSpec

SAME = "same"
MOST = 7


class EnsembleSpec(SoftTargetKnobs):
    """Settings of distillation from several teachers (You et al. 2017; Zhang et al. 2022)."""

    others: str = Field(
        default=SAME,
        title="Other teachers",
        description="Models besides the recipe's teacher, separated by commas, trained with the teach stage's settings. "
        "'same' or a model named twice is the same architecture with another seed.",
    )
    weighting: Literal["average", "confidence", "gate", "random"] = Field(
        default="average",
        title="Weighting",
        description="Average: equal weights. Confidence: teachers that give the true label a higher probability weigh "
        "more. Gate: learned per example. Random: one teacher per example and epoch.",
    )
    cache_teacher: bool = Field(default=True, title="Cache teacher outputs", json_schema_extra=NEVER)


def plan(builder: PlanBuilder, stage: str, spec: EnsembleSpec) -> None:
    """The other teachers, all teachers' outputs, the student, its controls."""
    need_student(builder, stage)
    if not spec.cache_teacher:
        raise RecipeError(f"Stage '{stage}' always caches its teachers' outputs. Leave 'cache_teacher' out.")
    views = spec.views if spec.augment else 0
    outputs = [teacher_outputs(builder, stage, spec, teacher, views) for teacher in other_teachers(builder, stage, spec.others)]
    plan_student(
        builder,
        stage,
        spec,
        method="ensemble",
        operation="ensemble",
        settings={**spec.soft(), "weighting": spec.weighting},
        inputs={f"outputs_{number}": step for number, step in enumerate(outputs, 1)},
        remark=f" · {len(outputs) + 1} teachers",
    )


def teach_settings(builder: PlanBuilder, stage: str) -> TeachSpec:
    """The settings by which further teachers are trained: those of the recipe's ``teach`` stage."""
    teach = next((item for item in reversed(builder.recipe.stages) if item.method == "teach"), None)
    if teach is None:
        raise RecipeError(f"Stage '{stage}' trains more teachers with the settings of the 'teach' stage. Put one before it.")
    return TeachSpec.model_validate(teach.settings)


def other_teachers(builder: PlanBuilder, stage: str, others: str) -> list[Step]:
    """A training for each further teacher by the settings of the recipe's ``teach`` stage; raises RecipeError in words."""
    main, facts, spec = builder.need_teacher(stage), builder.teacher_facts, teach_settings(builder, stage)
    assert facts is not None, "a teacher's step has facts"
    names = [name.strip() for name in others.split(",") if name.strip()]
    if not 1 <= len(names) <= MOST:
        raise RecipeError(
            f"Stage '{stage}' wants one to {MOST} other teachers, but 'others' names {len(names)}. Name e.g. '{SAME}'."
        )
    taken = {canonical_json(facts.identity): 1}
    steps = []
    for number, name in enumerate(names, 2):
        model = facts if name == SAME else builder.resolved(name)
        if model.ref.is_black_box:
            raise RecipeError(
                f"Stage '{stage}': {model.title} provides predictions only, so it cannot be trained as another teacher. It "
                "may be the recipe's own 'teacher:'; name models with weights in 'others'."
            )
        identity = canonical_json(model.identity)
        repeats = taken.get(identity, 0)
        taken[identity] = repeats + 1
        step = builder.add(
            f"{stage}.teacher.{number}",
            stage=stage,
            method="teach",
            operation="teach",
            produces="model",
            role="teacher",
            inputs=_first_weights(builder, model, main),
            label=f"{model.title}, teacher {number}",
            model=model,
            settings={**spec.chosen(), "seed": spec.seed + repeats},
        )
        steps.append(builder.add_model(step))
    return steps


def _first_weights(builder: PlanBuilder, model: ModelFacts, main: Step) -> dict[str, Step]:
    """What a further teacher starts from: the recipe's teacher, or, where it is the same model, also its pre-training."""
    inputs = {"teacher": main} if model.from_teacher else {}
    same = builder.teacher_facts is not None and model.identity == builder.teacher_facts.identity
    return {**inputs, "start": builder.start} if builder.start is not None and same else inputs


METHOD = Method(
    name="ensemble",
    title="Several teachers",
    group=Group.DISTILL,
    transfers="sources",
    source="You et al. 2017, KDD, section 3.1; Zhang et al. 2022, arXiv:2201.00007, section 2.1",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=EnsembleSpec,
    plan=plan,
    summary="Average several teachers, also of different architectures; their weights may vary by example.",
)
