"""Hard teacher labels: the form, and its place in the plan."""

from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import StudentKnobs
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class TeacherLabelsSpec(StudentKnobs):
    """Settings of fine-tuning on the teacher's hard labels (Hinton, Vinyals, Dean 2015, section 2, at temperature zero)."""


def plan(builder: PlanBuilder, stage: str, spec: TeacherLabelsSpec) -> None:
    """As soft targets, but of each prediction only the top class is kept; ground-truth labels are left to the control."""
    plan_student(builder, stage, spec, method="teacher_labels", operation="teacher_labels", settings={})


METHOD = Method(
    name="teacher_labels",
    title="Hard teacher labels",
    group=Group.DISTILL,
    transfers="data",
    flow="hard labels",
    source="Hinton, Vinyals, Dean 2015, arXiv:1503.02531, section 2",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=TeacherLabelsSpec,
    plan=plan,
    summary="Replace all training labels by the teacher's most probable class.",
)
