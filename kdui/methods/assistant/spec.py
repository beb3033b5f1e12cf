"""Teacher assistant: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.errors import RecipeError
from kdui.core.plan import Chain
from kdui.methods.distill.spec import DistillSpec, own_settings
from kdui.methods.student_knobs import need_open_teacher, teacher_outputs, training_settings
from kdui.methods.training_knobs import NEVER

USUAL = {"image": "cnn-medium", "text": "minilm-l3"}  # what stands between most pairs of a modality


class AssistantSpec(DistillSpec):
    """Settings of a teacher assistant (Mirzadeh et al. 2020, arXiv:1902.03393, section 3). Several stages make a longer chain."""

    model: str = Field(
        default="",
        title="Assistant",
        description="A model between teacher and student in size, as in the lists of teachers and students. Empty: cnn-medium "
        "for pictures, minilm-l3 for texts.",
        json_schema_extra={"usual": dict(USUAL)},
    )
    # The student's own stage trains the controls.
    control: bool = Field(default=False, title="Control run", json_schema_extra=NEVER)
    smooth_control: bool = Field(default=False, title="Control with smoothed labels", json_schema_extra=NEVER)


def assistant_of(chain: Chain, spec: AssistantSpec) -> str:
    """The assistant's reference: the one that is named, else the usual one for this kind of task."""
    name = spec.model.strip() or USUAL.get(chain.task.modality, "")
    if not name:
        raise RecipeError(f"There is no usual assistant for {chain.task.modality}. Name one in 'model:'.")
    return name


def plan(chain: Chain, stage: str, spec: AssistantSpec) -> None:
    """The assistant under the teacher; from here on it is the teacher."""
    teacher, model = chain.need_teacher(stage), chain.resolved(assistant_of(chain, spec))
    inputs = {"teacher": teacher}
    if not spec.cache_teacher:
        need_open_teacher(chain, stage, "asks its teacher in every epoch")
    if spec.cache_teacher:
        inputs["outputs"] = teacher_outputs(chain, stage, spec, views=spec.views if spec.augment else 0)
    step = chain.add(
        stage,
        stage=stage,
        method="distill",
        operation="distill",
        produces="model",
        role="assistant",
        inputs=inputs,
        label=f"{model.title} (assistant)",
        model=model,
        settings={**training_settings(chain, spec), **own_settings(spec)},
    )
    chain.teacher = chain.current = chain.add_model(step)
    chain.teacher_facts = model


METHOD = Method(
    name="assistant",
    title="Teacher assistant",
    group="distill",
    transfers="sources",
    source="Mirzadeh et al. 2020, arXiv:1902.03393, section 3",
    order=15,
    version=1,
    spec=AssistantSpec,
    plan=plan,
    summary="A model between the two learns first and then teaches the student: smaller gaps are easier to cross.",
)
