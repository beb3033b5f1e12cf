"""Relational distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import RepresentationKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder

WEIGHTS = {"image": 25.0, "text": 1.0}  # β that makes the match about as large as the other losses, by the task's examples


class RelationalSpec(RepresentationKnobs):
    """Settings of relational distillation (Park et al. 2019, section 3.2)."""

    match_weight: float | None = Field(  # type: ignore[assignment]  # empty is the kind of task's own weight
        default=None,
        ge=0,
        le=10000,
        title="Relational loss weight β",
        description="Weight of the distance and angle losses. Empty: 25 for images, where both are a few hundredths, and 1 "
        "for text, whose features are closer together and whose losses are ten times as large.",
    )
    distance_weight: float = Field(
        default=1.0, ge=0, le=1000, title="Distance weight", description="Weight of pairwise distances."
    )
    angle_weight: float = Field(
        default=2.0, ge=0, le=1000, title="Angle weight", description="Weight of angles between triplets of examples."
    )


def plan(builder: PlanBuilder, stage: str, spec: RelationalSpec) -> None:
    """The teacher's features before its output layer are kept; any two networks have them."""
    weight = WEIGHTS.get(builder.task.modality, 1.0) if spec.match_weight is None else spec.match_weight
    settings = {**spec.soft(), "match_weight": weight, "distance_weight": spec.distance_weight, "angle_weight": spec.angle_weight}
    features = {"kind": "penultimate", "layers": "last", "reduce": "none"}
    plan_student(builder, stage, spec, method="relational", operation="relate", settings=settings, features=features)


METHOD = Method(
    name="relational",
    title="Relational (distances and angles)",
    group=Group.DISTILL,
    transfers="relations",
    source="Park et al. 2019, arXiv:1904.05068, section 3.2",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=RelationalSpec,
    plan=plan,
    summary="Preserve pairwise distances and angles between examples in feature space.",
)
