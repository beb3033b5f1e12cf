"""Hints: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import LAYERS, RepresentationKnobs, need_student, shared_representation
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class HintsSpec(RepresentationKnobs):
    """Settings of hints (Romero et al. 2015, section 2.2), in one stage together with the soft targets."""

    layers: str = Field(
        default="last",
        pattern=LAYERS,
        title="Layer pairs",
        description="last, auto (every layer at the same depth), or student:teacher pairs counted from 0, such as 0:1, 2:5.",
    )


def plan(builder: PlanBuilder, stage: str, spec: HintsSpec) -> None:
    """The teacher's intermediate features are kept once; projectors are trained with the student."""
    need_student(builder, stage)
    shared_representation(builder, stage, ("maps", "tokens"))
    features = {"kind": "stages", "layers": spec.layers, "reduce": "none"}
    plan_student(builder, stage, spec, method="hints", operation="hint", settings=spec.soft(), features=features)


METHOD = Method(
    name="hints",
    title="Hints (FitNets)",
    group=Group.DISTILL,
    transfers="representations",
    source="Romero et al. 2015, arXiv:1412.6550, section 2.2",
    needs=frozenset({"rows"}),
    order=Place.STUDENT,
    version=2,
    spec=HintsSpec,
    plan=plan,
    summary="Match intermediate features through a learned projection.",
)
