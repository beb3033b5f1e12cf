"""Low rank: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.recovery import RecoveryKnobs, plan_compressed
from kdui.core.knobs.training import ADVANCED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder
from kdui.core.words import percent


class FactorizeSpec(RecoveryKnobs):
    """Settings of low-rank factorization and of the recovery that follows under the teacher."""

    rank_by: Literal["energy", "ratio", "budget"] = Field(
        default="energy",
        title="Rank by",
        description="Energy: singular-value energy kept in each layer. Ratio: fraction of full rank. Budget: parameters of "
        "the whole model.",
    )
    energy: float = Field(
        default=0.9,
        ge=0.05,
        le=1,
        title="Retained energy",
        description="Fraction of the squared singular values kept in each layer.",
        json_schema_extra={"step": 0.01, "percent": True, "only_when": {"rank_by": ["energy"]}},
    )
    ratio: float = Field(
        default=0.25,
        gt=0,
        le=1,
        title="Rank ratio",
        description="Fraction of each layer's full rank; a square layer gets smaller only below one half.",
        json_schema_extra={"step": 0.01, "percent": True, "only_when": {"rank_by": ["ratio"]}},
    )
    budget: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="Parameter budget",
        description="Fraction of the model's parameters to keep; ranks go to the layers that need them most.",
        json_schema_extra={"step": 0.05, "percent": True, "only_when": {"rank_by": ["budget"]}},
    )
    convolution: Literal["channel", "input-channel", "spatial", "leave"] = Field(
        default="channel",
        title="Convolutions",
        description="Channel: k×k to fewer channels, then 1×1. Input-channel: 1×1, then k×k. Spatial: k×1, then 1×k. "
        "Leave: unchanged.",
        json_schema_extra={"advanced": True, "modality": "image"},
    )
    whiten: bool = Field(
        default=True,
        title="Weight by inputs",
        description="Minimize the error of a layer's outputs on real inputs instead of the error of its weights. Linear "
        "layers and 'channel' convolutions only.",
        json_schema_extra=ADVANCED,
    )
    calibration_examples: int = Field(
        default=256,
        ge=16,
        le=8192,
        title="Calibration examples",
        description="Training examples used to collect each layer's inputs.",
        json_schema_extra={"advanced": True, "only_when": {"whiten": [True]}},
    )
    embeddings: bool = Field(
        default=False,
        title="Embeddings too",
        description="Also factorize the tables of words or items, which hold most weights of a small model.",
        json_schema_extra={"modality": ["text", "interactions"]},
    )

    def own(self) -> dict[str, Any]:
        """All that decides the result: the knobs of the other ways to choose a rank are left out."""
        idle = {"energy", "ratio", "budget"} - {self.rank_by}
        if not self.whiten:
            idle.add("calibration_examples")
        return {name: value for name, value in self.chosen().items() if name not in idle}

    def remark(self) -> str:
        """What stands behind the model's name."""
        share = percent(getattr(self, self.rank_by))
        return {"energy": f"rank for {share} energy", "ratio": f"{share} of the rank", "budget": f"low rank, {share} left"}[
            self.rank_by
        ]


def plan(builder: PlanBuilder, stage: str, spec: FactorizeSpec) -> None:
    """One step: the factorized model, fine-tuned with the teacher where there is one."""
    if spec.adapter_rank:
        raise RecipeError(f"Stage '{stage}' factorizes layers itself. Set 'adapter_rank: 0' there.")
    plan_compressed(builder, stage, spec, method="factorize", operation="factorize", remark=spec.remark(), settings=spec.own())


METHOD = Method(
    name="factorize",
    title="Low rank",
    group=Group.COMPRESS,
    source="Jaderberg et al. 2014, arXiv:1405.3866; Wang et al. 2024, SVD-LLM, arXiv:2403.07378, section 3.1",
    order=Place.RANKS,
    version=1,
    spec=FactorizeSpec,
    plan=plan,
    summary="Low-rank factorization: replace a layer by two smaller ones where this saves parameters, then fine-tune with "
    "the teacher.",
)
