"""Prune: the form, and its place in the plan."""

from typing import Literal

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.errors import RecipeError
from kdui.core.plan import Chain, ModelFacts
from kdui.methods.student_knobs import teacher_outputs
from kdui.methods.training_knobs import TrainingKnobs, refuse_adapters


class PruneSpec(TrainingKnobs):
    """Settings of pruning and of the recovery that follows under the teacher."""

    kind: Literal["magnitude", "random", "structured"] = Field(
        default="magnitude",
        title="What is removed",
        description="magnitude: the smallest weights of each layer. random: any weights (a baseline). "
        "structured: whole channels or heads, which alone makes the model faster.",
    )
    sparsity: float = Field(
        default=0.5,
        ge=0,
        le=0.95,
        title="Sparsity",
        description="Share that is removed: of the weights, or of each layer's channels.",
        json_schema_extra={"lens": "sparsity", "step": 0.05, "percent": True},
    )
    epochs: int = Field(
        default=2, ge=0, le=1000, title="Recovery epochs", description="Fine-tuning after the cut; removed weights stay zero."
    )
    learning_rate: float = Field(
        default=5e-4,
        gt=0,
        le=10,
        title="Learning rate",
        description="Highest rate of the recovery.",
        json_schema_extra={"advanced": True},
    )
    temperature: float = Field(
        default=4.0,
        ge=1,
        le=20,
        title="Recovery temperature",
        description="As in Distill.",
        json_schema_extra={"advanced": True, "step": 0.5},
    )
    soft_weight: float = Field(
        default=0.7,
        ge=0,
        le=1,
        title="Recovery soft weight α",
        description="0 recovers on true labels alone.",
        json_schema_extra={"advanced": True, "step": 0.05},
    )


def _require_prunable(stage: str, spec: PruneSpec, model: ModelFacts | None) -> None:
    if spec.kind == "structured" and model is not None and not model.family.structured_pruning:
        raise RecipeError(
            f"Stage '{stage}': {model.family.title} has no channels that can be removed one by one. "
            "Choose kind: magnitude, or another student."
        )


def plan(chain: Chain, stage: str, spec: PruneSpec) -> None:
    """One step: the smaller or sparser model, recovered under the teacher where there is one."""
    refuse_adapters(stage, spec)
    model = chain.need_model(stage)
    if model.produces != "model":
        raise RecipeError(
            f"Stage '{stage}' has only the ONNX graph {model.label}, without weights that can be trained. "
            "Put it before 'quantize', or choose a model with weights."
        )
    of_teacher = model is chain.teacher or chain.student_facts is None
    _require_prunable(stage, spec, chain.teacher_facts if of_teacher else chain.student_facts)
    inputs = {"model": model}
    if spec.epochs and spec.soft_weight and chain.teacher is not None:
        inputs["outputs"] = teacher_outputs(chain, stage, spec)
    settings = {**spec.chosen(), "augment": False, "seed": chain.recipe.seed}
    share = f"{spec.sparsity:.0%}".replace("%", " %")
    what = {"magnitude": "sparse", "random": "sparse at random", "structured": "of channels removed"}[spec.kind]
    step = chain.add(
        stage,
        stage=stage,
        method="prune",
        operation="prune",
        produces="model",
        role="compressed",
        inputs=inputs,
        label=f"{model.label} · {share} {what}",
        settings=settings,
    )
    chain.current = chain.add_model(step)


METHOD = Method(
    name="prune",
    title="Prune",
    group="compress",
    order=30,
    version=2,
    spec=PruneSpec,
    plan=plan,
    summary="Remove weights or whole channels, then recover under the teacher.",
)
