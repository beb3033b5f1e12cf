"""Codebook: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.low_bits import refuse_low_bits
from kdui.core.knobs.recovery import RecoveryKnobs, need_weights, plan_compressed
from kdui.core.knobs.training import ADVANCED, SCALED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder

NF4_BITS = 4


class CodebookSpec(RecoveryKnobs):
    """Settings of sharing few values among the weights of a layer, and of the fine-tuning of these values under the teacher."""

    epochs: int = Field(
        default=2,
        ge=0,
        le=1000,
        title="Fine-tuning epochs",
        description="With k-means the shared values are fine-tuned. Otherwise they are fixed, and only biases and norms "
        "are trained.",
        json_schema_extra=SCALED,
    )
    levels: Literal["k-means", "power-of-two", "nf4"] = Field(
        default="k-means",
        title="Levels",
        description="k-means: minimizes the squared error. Power-of-two: multiplications become shifts on hardware that "
        "supports it. NF4: 16 quantiles of a normal distribution, scaled per block.",
    )
    bits: int = Field(
        default=4,
        ge=1,
        le=8,
        title="Index bits",
        description="Bits per index: 4 bits give 16 shared values per layer.",
        json_schema_extra={"step": 1, "only_when": {"levels": ["k-means", "power-of-two"]}},
    )
    block_size: int = Field(
        default=64,
        ge=8,
        le=4096,
        title="Block size",
        description="Number of weights that share a scale.",
        json_schema_extra={**ADVANCED, "only_when": {"levels": ["nf4"]}},
    )

    def chosen(self) -> dict[str, Any]:
        """The training's knobs and what these levels read."""
        recovery = {name: value for name, value in super().chosen().items() if name in RecoveryKnobs.model_fields}
        own = {"block_size": self.block_size, "bits": NF4_BITS} if self.levels == "nf4" else {"bits": self.bits}
        return {**recovery, "levels": self.levels, **own}


def plan(builder: PlanBuilder, stage: str, spec: CodebookSpec) -> None:
    """One step: the model with shared weights, fine-tuned with the teacher where there is one."""
    if spec.adapter_rank:
        raise RecipeError(f"Stage '{stage}' fine-tunes shared weights. Set 'adapter_rank: 0' there.")
    if spec.levels == "power-of-two" and spec.bits < 2:
        raise RecipeError(f"Stage '{stage}': zero and two signs of a power of two need at least 2 bits. Raise 'bits' there.")
    refuse_low_bits(stage, need_weights(builder, stage))
    remark = {"k-means": f"{spec.bits}-bit codebook", "power-of-two": f"{spec.bits}-bit powers of two", "nf4": "NF4"}
    plan_compressed(builder, stage, spec, method="codebook", operation="codebook", remark=remark[spec.levels])


METHOD = Method(
    name="codebook",
    title="Codebook",
    group=Group.COMPRESS,
    order=Place.SHARED_VALUES,
    version=2,
    spec=CodebookSpec,
    plan=plan,
    source="Han et al. 2016, arXiv:1510.00149, section 3; Zhou et al. 2017, arXiv:1702.03044; "
    "Dettmers et al. 2023, arXiv:2305.14314, section 3",
    summary="Weight sharing: cluster each layer's weights to a few values and store indices.",
)
