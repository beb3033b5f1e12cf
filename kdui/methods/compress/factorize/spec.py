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
        description="energy: what each layer's singular values hold. ratio: a share of each full rank. "
        "budget: parameters of the whole model.",
    )
    energy: float = Field(
        default=0.9,
        ge=0.05,
        le=1,
        title="Retained energy",
        description="Share of the squared singular values that each layer keeps.",
        json_schema_extra={"step": 0.01, "percent": True, "only_when": {"rank_by": ["energy"]}},
    )
    ratio: float = Field(
        default=0.25,
        gt=0,
        le=1,
        title="Rank ratio",
        description="Share of each layer's full rank; of a square layer less than a half pays.",
        json_schema_extra={"step": 0.01, "percent": True, "only_when": {"rank_by": ["ratio"]}},
    )
    budget: float = Field(
        default=0.5,
        gt=0,
        le=1,
        title="Parameter budget",
        description="Share of the model's parameters that may be left; ranks go to the layers that need them most.",
        json_schema_extra={"step": 0.05, "percent": True, "only_when": {"rank_by": ["budget"]}},
    )
    convolution: Literal["channel", "input-channel", "spatial", "leave"] = Field(
        default="channel",
        title="Convolutions",
        description="channel: k×k to fewer channels, then 1×1. input-channel: 1×1, then k×k. spatial: k×1, then 1×k. "
        "leave: as they are.",
        json_schema_extra={"advanced": True, "modality": "image"},
    )
    whiten: bool = Field(
        default=True,
        title="Weigh by inputs",
        description="Keep what matters for a layer's outputs on real inputs, not for its weights alone; "
        "linear layers and 'channel' convolutions.",
        json_schema_extra=ADVANCED,
    )
    calibration_examples: int = Field(
        default=256,
        ge=16,
        le=8192,
        title="Calibration examples",
        description="Training examples whose inputs to each layer are looked at.",
        json_schema_extra={"advanced": True, "only_when": {"whiten": [True]}},
    )
    embeddings: bool = Field(
        default=False,
        title="Embeddings too",
        description="Also make the table of word embeddings a product: most weights of a small text model are there.",
        json_schema_extra={"modality": "text"},
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
    """One step: the factorized model, recovered under the teacher where there is one."""
    if spec.adapter_rank:
        raise RecipeError(f"Stage '{stage}' makes layers products of their own. Set 'adapter_rank: 0' there.")
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
    summary="Make layers a product of two smaller ones, where that has fewer weights; then recover under the teacher.",
)
