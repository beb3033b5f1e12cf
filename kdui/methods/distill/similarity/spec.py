"""Similarity-preserving distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import LAYERS, RepresentationKnobs, shared_representation
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class SimilaritySpec(RepresentationKnobs):
    """Settings of similarity-preserving distillation (Tung, Mori 2019, section 3)."""

    match_weight: float = Field(
        default=100.0,
        ge=0,
        le=10000,
        title="Similarity loss weight β",
        description="Weight of the similarity loss. The mean squared difference is a few hundredths and falls with batch "
        "size, so the weight is large; the paper's 3000 at batch size 128 suits trainings of hundreds of "
        "epochs.",
    )
    layers: str = Field(
        default="features",
        pattern=LAYERS.replace("auto", "features|auto"),
        title="Layer pairs",
        description="features: inputs of the output layer, which any two networks have. Feature maps: last, auto, or "
        "student:teacher pairs counted from 0, such as 0:1, 1:2.",
    )


def plan(builder: PlanBuilder, stage: str, spec: SimilaritySpec) -> None:
    """The teacher's features, or its maps, are kept; sizes may differ, since only examples are compared."""
    if spec.layers == "features":
        features = {"kind": "penultimate", "layers": "last", "reduce": "none"}
    else:
        shared_representation(builder, stage, ("maps",))
        features = {"kind": "stages", "layers": spec.layers, "reduce": "none"}
    plan_student(
        builder, stage, spec, method="similarity", operation="preserve_similarity", settings=spec.soft(), features=features
    )


METHOD = Method(
    name="similarity",
    title="Similarity-preserving",
    group=Group.DISTILL,
    transfers="relations",
    flow="similarity matrix",
    source="Tung, Mori 2019, arXiv:1907.09682, section 3",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=SimilaritySpec,
    plan=plan,
    summary="Match the pairwise similarities of the examples in a batch.",
)
