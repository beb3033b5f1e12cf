"""Distilling while compressing: the form, and its place in the plan."""

from typing import Any

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.low_bits import low_bit_remark
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs
from kdui.core.knobs.training import refuse_adapters
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder
from kdui.core.words import percent


class DistillSparseSpec(SoftTargetKnobs):
    """Settings of distillation with gradual magnitude pruning (Zhu and Gupta 2017, section 3), optionally at low bits."""

    sparsity: float = Field(
        default=0.5,
        ge=0,
        le=0.98,
        title="Final sparsity",
        description="Fraction of weights that are zero at the end of training.",
        json_schema_extra={"step": 0.05, "percent": True},
    )
    settled_at: float = Field(
        default=0.6,
        ge=0.05,
        le=1.0,
        title="Reached after",
        description="Fraction of training after which the sparsity stays constant; the rest is plain fine-tuning.",
        json_schema_extra={"advanced": True, "step": 0.05, "percent": True},
    )
    weight_bits: int = Field(
        default=0,
        ge=0,
        le=8,
        title="Weight bits",
        description="Also train with 2- to 8-bit weights from the first update on (fake quantization); 0 keeps them in float.",
        json_schema_extra={"step": 1},
    )
    activation_bits: int = Field(
        default=0,
        ge=0,
        le=8,
        title="Activation bits",
        description="With low-bit weights: also quantize the inputs of each layer to 2 to 8 bits; 0 keeps them in float.",
        json_schema_extra={"step": 1, "only_when": {"weight_bits": [2, 3, 4, 5, 6, 7, 8]}},
    )

    def low_bits(self) -> dict[str, Any]:
        """The knobs of training at low bits where it is turned on: students made before there were any stay valid."""
        if not self.weight_bits:
            return {}
        return {name: bits for name in ("weight_bits", "activation_bits") if (bits := getattr(self, name))}


def plan(builder: PlanBuilder, stage: str, spec: DistillSparseSpec) -> None:
    """As soft targets; the student comes out small, to be compared with distilling first and compressing after it."""
    refuse_adapters(stage, spec)
    if 1 in (spec.weight_bits, spec.activation_bits):
        raise RecipeError(f"Stage '{stage}': bits are 2 to 8, or 0 for float, but 1 was given.")
    compression = {"sparsity": spec.sparsity, "settled_at": spec.settled_at, **spec.low_bits()}
    share = percent(spec.sparsity)
    bits = f" · {low_bit_remark(spec.weight_bits, spec.activation_bits)}" if spec.weight_bits else ""
    plan_student(
        builder,
        stage,
        spec,
        method="distill_sparse",
        operation="distill_sparse",
        settings=spec.soft(),
        remark=f" · {share} sparse{bits}",
        compression=compression,
    )


METHOD = Method(
    name="distill_sparse",
    title="Soft targets while compressing",
    group=Group.DISTILL,
    transfers="outputs",
    flow="softened predictions",
    source="Zhu and Gupta 2017, arXiv:1710.01878, section 3; Esser et al. 2020, arXiv:1902.08153",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=DistillSparseSpec,
    plan=plan,
    summary="Joint compression: prune gradually, and quantize if wanted, while the student learns from the teacher.",
)
