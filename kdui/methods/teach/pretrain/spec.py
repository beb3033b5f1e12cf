"""Pre-training: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.training import ADVANCED, NEVER, SCALED, TrainingKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import ModelFacts, PlanBuilder

# Reading texts needs neither labels nor images, and all weights learn: these knobs are not drawn and do not count.
UNUSED = ("labels", "augment", "adapter_rank")


class PretrainSpec(TrainingKnobs):
    """Settings of continued pre-training on the task's own texts (Gururangan et al. 2020, arXiv:2004.10964, section 4)."""

    epochs: int = Field(
        default=3, ge=0, le=1000, title="Epochs", description="Passes over the training texts.", json_schema_extra=SCALED
    )
    batch_size: int = Field(
        default=32, ge=1, le=8192, title="Batch size", description="Texts a step.", json_schema_extra=ADVANCED
    )
    learning_rate: float = Field(
        default=1e-4,
        gt=0,
        le=10,
        title="Learning rate",
        description="Peak learning rate of the schedule.",
        json_schema_extra=ADVANCED,
    )
    masked: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        title="Masking rate",
        description="Fraction of tokens that an encoder predicts (masked language modelling). A decoder predicts every "
        "next token.",
        json_schema_extra={"step": 0.05, "percent": True},
    )
    control: bool = Field(
        default=True,
        title="Control without pre-training",
        description="Baseline: also train the same teacher without pre-training.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="Random seed for masking; repeats of a student share one teacher.",
        json_schema_extra=ADVANCED,
    )
    labels: float = Field(default=1.0, gt=0, le=1, title="Labelled fraction", json_schema_extra=NEVER)
    augment: bool = Field(default=False, title="Data augmentation", json_schema_extra=NEVER)
    adapter_rank: int = Field(default=0, ge=0, le=256, title="Adapter rank", json_schema_extra=NEVER)


def plan(builder: PlanBuilder, stage: str, spec: PretrainSpec) -> None:
    """One step: the teacher's body after reading; ``teach`` starts from it, and also without it where a control is wanted."""
    teacher = _readable(builder, stage)
    builder.start = builder.add(
        stage,
        stage=stage,
        method="pretrain",
        operation="pretrain",
        produces="model",
        label=f"{teacher.title}, pre-training",
        model=teacher,
        inputs={"start": builder.start} if builder.start else {},
        settings={
            "seed": spec.seed,
            "masked": spec.masked,
            **{name: value for name, value in spec.training().items() if name not in UNUSED},
        },
    )
    builder.start_control = spec.control


def _readable(builder: PlanBuilder, stage: str) -> ModelFacts:
    """The recipe's teacher; raises RecipeError where it cannot read texts as a language model."""
    teacher = builder.teacher_facts
    if teacher is None:
        raise RecipeError(f"Stage '{stage}' has no teacher to pre-train. Name one in 'teacher:'.")
    if not any(each.method == "teach" for each in builder.recipe.stages):
        raise RecipeError("A 'pretrain' stage is for a teacher that is taught after it. Add a 'teach' stage, or take it out.")
    if builder.task.modality != "text":
        raise RecipeError(
            f"Stage '{stage}' pre-trains on text, but {builder.task.title} has {builder.task.modality} examples. Remove "
            "this stage, or choose a text task."
        )
    if not teacher.family.is_transformer:
        raise RecipeError(
            f"Stage '{stage}': {teacher.title} is no transformer, so it cannot be pre-trained on text. Remove this stage, "
            "or choose a transformer, e.g. minilm-l6 or decoder-4."
        )
    return teacher


METHOD = Method(
    name="pretrain",
    title="Pre-train",
    group=Group.TEACH,
    modality="text",
    source="Devlin et al. 2019, arXiv:1810.04805, section 3.1; Gururangan et al. 2020, arXiv:2004.10964, section 4",
    needs=frozenset({"classes"}),
    order=Place.BEFORE_TEACHER,
    version=1,
    answers=False,
    spec=PretrainSpec,
    plan=plan,
    summary="Pre-train the teacher on the task's unlabelled texts: masked or next-token prediction.",
)
