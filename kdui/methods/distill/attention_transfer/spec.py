"""Attention transfer: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import LAYERS, RepresentationKnobs, shared_representation
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class AttentionTransferSpec(RepresentationKnobs):
    """Settings of activation-based attention transfer (Zagoruyko, Komodakis 2017, section 3.1)."""

    match_weight: float = Field(
        default=3.0,
        ge=0,
        le=10000,
        title="Attention loss weight β",
        description="Weight of the attention loss. It lies between 0 and 2 and is typically about 0.1, so 3 makes it as "
        "large as the other losses at the end of a short training.",
    )
    layers: str = Field(
        default="auto",
        pattern=LAYERS,
        title="Layer pairs",
        description="auto (each map size at the same depth), last, or student:teacher pairs counted from 0, as 0:1, 1:2.",
    )


def plan(builder: PlanBuilder, stage: str, spec: AttentionTransferSpec) -> None:
    """Of the teacher's maps only their energy is kept: one number a place."""
    shared_representation(builder, stage, ("maps",))
    features = {"kind": "stages", "layers": spec.layers, "reduce": "energy"}
    plan_student(
        builder,
        stage,
        spec,
        method="attention_transfer",
        operation="transfer_attention",
        settings=spec.soft(),
        features=features,
    )


METHOD = Method(
    name="attention_transfer",
    title="Attention transfer",
    group=Group.DISTILL,
    transfers="representations",
    flow="attention maps",
    source="Zagoruyko, Komodakis 2017, arXiv:1612.03928, section 3.1",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=AttentionTransferSpec,
    plan=plan,
    summary="Match the student's spatial attention maps to the teacher's.",
)
