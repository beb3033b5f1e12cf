"""Export: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.contracts import StageSpec
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class ExportSpec(StageSpec):
    """Settings of the ONNX export."""

    opset: int = Field(
        default=20,
        ge=18,
        le=22,
        title="ONNX opset",
        description="Version of the operator set.",
        json_schema_extra={"advanced": True},
    )
    tolerance: float = Field(
        default=1e-3,
        gt=0,
        le=1,
        title="Parity tolerance",
        description="Maximum difference of an output from PyTorch, relative to the largest output.",
        json_schema_extra={"advanced": True},
    )
    parity_examples: int = Field(
        default=0,
        ge=0,
        title="Test examples checked against PyTorch",
        description="Check the first N examples only, for slow models; 0 checks all. Labels are not used.",
        json_schema_extra={"advanced": True},
    )
    kv_cache: bool = Field(
        default=True,
        title="KV cache",
        description="The graph takes and gives keys and values of earlier tokens, so that each token is computed once. Off: the "
        "whole text is computed for every token.",
        json_schema_extra={"advanced": True, "needs": "tokens"},
    )


def plan(builder: PlanBuilder, stage: str, spec: ExportSpec) -> None:
    """One step a model; the settings reach ``builder.exported`` before any stage is planned."""
    for model in list(builder.models):
        builder.exported(model)


METHOD = Method(
    name="export",
    title="Export",
    group=Group.DELIVER,
    order=Place.EXPORTED,
    plain=True,
    seconds=3.0,
    version=4,
    spec=ExportSpec,
    plan=plan,
    summary="Export each model to ONNX and check it against PyTorch on the test examples.",
)
