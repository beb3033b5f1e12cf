"""Prune: the form, and its place in the plan."""

from typing import Literal

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.errors import RecipeError
from kdui.core.plan import Chain, ModelFacts
from kdui.methods.recovery_knobs import RecoveryKnobs, need_weights, plan_compressed
from kdui.methods.training_knobs import refuse_adapters


class PruneSpec(RecoveryKnobs):
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


def _require_prunable(stage: str, spec: PruneSpec, model: ModelFacts | None) -> None:
    if spec.kind == "structured" and model is not None and not model.family.structured_pruning:
        raise RecipeError(
            f"Stage '{stage}': {model.family.title} has no channels that can be removed one by one. "
            "Choose kind: magnitude, or another student."
        )


def plan(chain: Chain, stage: str, spec: PruneSpec) -> None:
    """One step: the smaller or sparser model, recovered under the teacher where there is one."""
    refuse_adapters(stage, spec)
    model = need_weights(chain, stage)
    of_teacher = model is chain.teacher or chain.student_facts is None
    _require_prunable(stage, spec, chain.teacher_facts if of_teacher else chain.student_facts)
    share = f"{spec.sparsity:.0%}".replace("%", " %")
    what = {"magnitude": "sparse", "random": "sparse at random", "structured": "of channels removed"}[spec.kind]
    plan_compressed(chain, stage, spec, method="prune", operation="prune", remark=f"{share} {what}")


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
