"""Quantization-aware training: the form, and its place in the plan."""

from typing import Literal

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.low_bits import low_bit_remark
from kdui.core.knobs.recovery import RecoveryKnobs, plan_compressed
from kdui.core.knobs.training import ADVANCED, SCALED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class QatSpec(RecoveryKnobs):
    """Settings of training at low bits with learned step sizes (Esser et al. 2020, section 2)."""

    epochs: int = Field(
        default=3,
        ge=0,
        le=1000,
        title="Epochs",
        description="Epochs of training with fake quantization, with the teacher if there is one.",
        json_schema_extra=SCALED,
    )
    weight_bits: int = Field(
        default=4,
        ge=2,
        le=8,
        title="Weight bits",
        description="Bit-width of the simulated weights.",
        json_schema_extra={"step": 1},
    )
    activation_bits: int = Field(
        default=8,
        ge=0,
        le=8,
        title="Activation bits",
        description="Bit-width of the simulated layer inputs, so that the layer runs in int8; 0 keeps them in float.",
        json_schema_extra={"step": 1},
    )
    granularity: Literal["channel", "tensor"] = Field(
        default="channel",
        title="Step-size granularity",
        description="One step size per output channel is more accurate; one per tensor follows the paper.",
        json_schema_extra=ADVANCED,
    )
    ends: bool = Field(
        default=True,
        title="First and last layer at 8 bits",
        description="The first convolution and the output layer are the most sensitive and hold few weights.",
        json_schema_extra=ADVANCED,
    )


def plan(builder: PlanBuilder, stage: str, spec: QatSpec) -> None:
    """One step: the model with its weights on a grid, trained under the teacher; export writes the grid into the graph."""
    if spec.adapter_rank:
        raise RecipeError(f"Stage '{stage}' trains with quantized weights. Set 'adapter_rank: 0' there.")
    if spec.activation_bits == 1:
        raise RecipeError(f"Stage '{stage}': activations need at least 2 bits. Set 'activation_bits' to 2 to 8, or 0 for float.")
    remark = low_bit_remark(spec.weight_bits, spec.activation_bits)
    plan_compressed(builder, stage, spec, method="qat", operation="qat", remark=remark)


METHOD = Method(
    name="qat",
    title="Train at low bits (QAT)",
    group=Group.COMPRESS,
    source="Esser et al. 2020, Learned Step Size Quantization, arXiv:1902.08153, section 2",
    order=Place.LOW_BITS,
    version=1,
    spec=QatSpec,
    plan=plan,
    summary="Quantization-aware training: simulate low-precision weights and activations during training.",
)
