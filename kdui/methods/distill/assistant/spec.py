"""Teacher assistant: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.student import need_open_teacher, teacher_outputs, training_settings
from kdui.core.knobs.training import NEVER
from kdui.core.method import Group, Method, Place
from kdui.core.plan import ModelFacts, PlanBuilder
from kdui.methods.distill.distill.spec import DistillSpec, own_settings

USUAL = {
    "image": "cnn-medium",
    "text": "minilm-l3",
    "passage": "minilm-l3-span",
    "audio": "audio-cnn-small",
}  # between most pairs


class AssistantSpec(DistillSpec):
    """Settings of a teacher assistant (Mirzadeh et al. 2020, arXiv:1902.03393, section 3). Several stages make a longer chain."""

    model: str = Field(
        default="",
        title="Assistant",
        description="A model between teacher and student in size, from the lists of teachers and students. Empty: "
        "cnn-medium for images, minilm-l3 for text.",
        json_schema_extra={"usual": dict(USUAL)},
    )
    # The student's own stage trains the controls.
    control: bool = Field(default=False, title="Control run", json_schema_extra=NEVER)
    smooth_control: bool = Field(default=False, title="Label-smoothing control", json_schema_extra=NEVER)


def assistant_of(builder: PlanBuilder, spec: AssistantSpec) -> ModelFacts:
    """The assistant: the one that is named, else the usual one for this kind of task."""
    name = spec.model.strip() or USUAL.get(builder.task.modality, "")
    if not name:
        raise RecipeError(f"There is no default assistant for {builder.task.modality}. Name one in 'model:'.")
    return builder.resolved(name)


def plan(builder: PlanBuilder, stage: str, spec: AssistantSpec) -> None:
    """The assistant under the teacher; from here on it is the teacher."""
    teacher, model = builder.need_teacher(stage), assistant_of(builder, spec)
    inputs = {"teacher": teacher}
    if not spec.cache_teacher:
        need_open_teacher(builder, stage, "runs its teacher in every epoch")
    if spec.cache_teacher:
        inputs["outputs"] = teacher_outputs(builder, stage, spec, views=spec.views if spec.augment else 0)
    step = builder.add(
        stage,
        stage=stage,
        method="distill",
        operation="distill",
        produces="model",
        role="assistant",
        inputs=inputs,
        label=f"{model.title} (assistant)",
        model=model,
        settings={**training_settings(builder, spec), **own_settings(spec)},
    )
    builder.teacher = builder.current = builder.add_model(step)
    builder.teacher_facts = model


METHOD = Method(
    name="assistant",
    title="Teacher assistant",
    group=Group.DISTILL,
    transfers="sources",
    flow="step by step",
    picture="chain",
    source="Mirzadeh et al. 2020, arXiv:1902.03393, section 3",
    needs=frozenset({"rows"}),
    order=Place.BETWEEN,
    version=1,
    spec=AssistantSpec,
    plan=plan,
    trains=assistant_of,
    summary="Distil through a mid-sized model first. Helps when the teacher is much larger than the student.",
)
