"""DIST: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs


class DistSpec(SoftTargetKnobs):
    """Settings of correlation distillation (Huang et al. 2022, section 3)."""

    temperature: float = Field(
        default=1.0,
        ge=1,
        le=20,
        title="Temperature",
        description="Temperature of both predictions before they are correlated.",
        json_schema_extra={"lens": "temperature", "step": 0.5},
    )
    inter_weight: float = Field(
        default=2.0, ge=0, le=100, title="Inter-class weight", description="Correlation over classes, within an example."
    )
    intra_weight: float = Field(
        default=2.0, ge=0, le=100, title="Intra-class weight", description="Correlation over the examples of a batch, "
                                                                           "within a class."
    )


def plan(builder: PlanBuilder, stage: str, spec: DistSpec) -> None:
    """As soft targets, with correlations in place of the divergence."""
    settings = {**spec.soft(), "inter_weight": spec.inter_weight, "intra_weight": spec.intra_weight}
    plan_student(builder, stage, spec, method="dist", operation="correlate", settings=settings)


METHOD = Method(
    name="dist",
    title="Correlation matching (DIST)",
    group=Group.DISTILL,
    transfers="outputs",
    flow="correlations",
    source="Huang et al. 2022, arXiv:2205.10536, section 3",
    needs=frozenset({"rows", "columns"}),
    order=Place.STUDENT,
    version=1,
    spec=DistSpec,
    plan=plan,
    summary="Match the correlation of the predictions, within examples and within classes, instead of exact values.",
)
