"""TinyBERT: the form, and its place in the plan."""

from typing import Literal

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import LAYERS, RepresentationKnobs, shared_representation
from kdui.core.knobs.training import ADVANCED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class TinybertSpec(RepresentationKnobs):
    """Settings of transformer distillation (Jiao et al. 2020, section 3.1), its layers and its predictions in one stage."""

    layers: str = Field(
        default="auto",
        pattern=LAYERS,
        title="Layer pairs",
        description="auto (every student layer at the same depth), last, or student:teacher pairs from 0, such as 0:1, 1:3.",
    )
    attention_weight: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        title="Weight of attention",
        description="Weight of the attention loss relative to the hidden-state loss.",
    )
    attention: Literal["maps", "scores"] = Field(
        default="maps",
        title="Attention compared as",
        description="Maps: after softmax. Scores: before softmax, as in the paper. With different numbers of heads, means "
        "over heads are compared.",
        json_schema_extra=ADVANCED,
    )


def plan(builder: PlanBuilder, stage: str, spec: TinybertSpec) -> None:
    """The teacher's hidden states, queries and keys are kept in one pass; attention is computed from them."""
    shared_representation(builder, stage, ("attention",))
    settings = {**spec.soft(), "attention_weight": spec.attention_weight, "attention": spec.attention}
    features = {"kind": "stages+attention", "layers": spec.layers, "reduce": "none"}
    plan_student(builder, stage, spec, method="tinybert", operation="match_layers", settings=settings, features=features)


METHOD = Method(
    name="tinybert",
    title="Hidden states and attention (TinyBERT)",
    group=Group.DISTILL,
    transfers="representations",
    flow="states, attention",
    source="Jiao et al. 2020, arXiv:1909.10351, section 3.1",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=TinybertSpec,
    plan=plan,
    summary="Match hidden states and attention of each student layer to a teacher layer.",
)
