"""Relational distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.contracts import Method
from kdui.core.plan import Chain
from kdui.methods.student_knobs import RepresentationKnobs, plan_student


class RelationalSpec(RepresentationKnobs):
    """Settings of relational distillation (Park et al. 2019, section 3.2)."""

    match_weight: float = Field(
        default=25.0,
        ge=0,
        le=10000,
        title="Match weight β",
        description="How much distances and angles count together: both are errors of a few hundredths, so 25 makes them as "
        "large as the other losses on pictures. Features of texts lie in tighter groups, with errors ten times as "
        "large: start at 1.",
    )
    distance_weight: float = Field(
        default=1.0, ge=0, le=1000, title="Weight of distances", description="How far two examples are from each other."
    )
    angle_weight: float = Field(
        default=2.0, ge=0, le=1000, title="Weight of angles", description="What angle three examples form."
    )


def plan(chain: Chain, stage: str, spec: RelationalSpec) -> None:
    """The teacher's features before its output layer are kept; any two networks have them."""
    settings = {**spec.soft(), "distance_weight": spec.distance_weight, "angle_weight": spec.angle_weight}
    features = {"kind": "penultimate", "layers": "last", "reduce": "none"}
    plan_student(chain, stage, spec, method="relational", operation="relate", settings=settings, features=features)


METHOD = Method(
    name="relational",
    title="Relational (distances and angles)",
    group="distill",
    transfers="relations",
    source="Park et al. 2019, arXiv:1904.05068, section 3.2",
    order=20,
    version=1,
    spec=RelationalSpec,
    plan=plan,
    summary="Examples stand to each other as they do in the teacher's features: near or far, and at the same angles.",
)
