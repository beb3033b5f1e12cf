"""Pseudo-labels: the form, and its place in the plan."""

from typing import Literal

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import StudentKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class PseudoLabelsSpec(StudentKnobs):
    """Settings of pseudo-labels (Lee 2013, section 2) with a threshold (Sohn et al. 2020, FixMatch, equation 4).

    There is no temperature and no α to schedule: the threshold is one of probabilities at T = 1, of which soft
    pseudo-labels are kept, and an example has either a ground-truth label or the teacher's, never both to be weighed.
    """

    labels: float = Field(
        default=0.1,
        gt=0,
        le=1,
        title="Labelled fraction",
        description="Fraction of training examples with labels, stratified by class; the teacher labels the rest. The "
        "control trains on the labelled ones alone, for as many steps. Give 'teach' the same fraction for a "
        "fair comparison.",
        json_schema_extra={"step": 0.05, "percent": True},
    )
    threshold: float = Field(
        default=0.9,
        ge=0,
        le=1,
        title="Confidence threshold",
        description="Use a pseudo-label only where the teacher's probability is at least this. Rare classes seldom reach a "
        "high threshold: start at 0 if there are some.",
        json_schema_extra={"step": 0.01},
    )
    kind: Literal["hard", "soft"] = Field(
        default="hard",
        title="Kind of pseudo-label",
        description="Hard: most probable class. Soft: all probabilities.",
    )
    pseudo_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        title="Weight of a pseudo-label",
        description="Loss weight relative to a ground-truth label.",
        json_schema_extra={"advanced": True},
    )


def plan(builder: PlanBuilder, stage: str, spec: PseudoLabelsSpec) -> None:
    """The teacher is run on every training example; which of its predictions count is decided by the student's step."""
    if spec.labels == 1:
        raise RecipeError(f"Stage '{stage}' leaves no example without a label. Set 'labels' below 1, e.g. 0.1.")
    settings = {"threshold": spec.threshold, "kind": spec.kind, "pseudo_weight": spec.pseudo_weight}
    plan_student(builder, stage, spec, method="pseudo_labels", operation="pseudo_labels", settings=settings)


METHOD = Method(
    name="pseudo_labels",
    title="Pseudo-labels",
    group=Group.DISTILL,
    transfers="data",
    flow="confident labels",
    source="Lee 2013, section 2; Sohn et al. 2020, arXiv:2001.07685, equation 4; Xie et al. 2020, arXiv:1911.04252, algorithm 1",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=PseudoLabelsSpec,
    plan=plan,
    summary="Semi-supervised: the teacher labels unlabelled examples on which it is confident.",
)
