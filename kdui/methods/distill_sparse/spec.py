"""Distilling while pruning: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.plan import Chain
from kdui.methods.student_knobs import SoftTargetKnobs, plan_student
from kdui.methods.training_knobs import refuse_adapters


class DistillSparseSpec(SoftTargetKnobs):
    """Settings of distillation with gradual magnitude pruning (Zhu and Gupta 2017, section 3)."""

    sparsity: float = Field(
        default=0.5,
        ge=0,
        le=0.98,
        title="Final sparsity",
        description="Share of the weights that are zero in the end.",
        json_schema_extra={"step": 0.05, "percent": True},
    )
    settled_at: float = Field(
        default=0.6,
        ge=0.05,
        le=1.0,
        title="Reached after",
        description="Share of the training after which the sparsity stays: the rest recovers.",
        json_schema_extra={"advanced": True, "step": 0.05, "percent": True},
    )


def plan(chain: Chain, stage: str, spec: DistillSparseSpec) -> None:
    """As soft targets; the student comes out sparse, to be compared with distilling first and pruning after it."""
    refuse_adapters(stage, spec)
    settings = {**spec.soft(), "sparsity": spec.sparsity, "settled_at": spec.settled_at}
    share = f"{spec.sparsity:.0%}".replace("%", " %")
    plan_student(
        chain,
        stage,
        spec,
        method="distill_sparse",
        operation="distill_sparse",
        settings=settings,
        remark=f" · {share} sparse",
    )


METHOD = Method(
    name="distill_sparse",
    title="Soft targets while pruning",
    group="distill",
    transfers="outputs",
    source="Zhu and Gupta 2017, arXiv:1710.01878, section 3",
    order=20,
    version=1,
    spec=DistillSparseSpec,
    plan=plan,
    summary="Weights are removed step by step while the student learns from the teacher.",
)
