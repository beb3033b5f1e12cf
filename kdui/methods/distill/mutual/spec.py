"""Mutual learning: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.knobs.planned_students import plan_controls
from kdui.core.knobs.student import StudentKnobs, need_student, teacher_outputs, training_settings
from kdui.core.knobs.training import ADVANCED, NEVER
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class MutualSpec(StudentKnobs):
    """Settings of deep mutual learning (Zhang et al. 2018, section 3).

    There is no temperature and no α to schedule: equation 3 compares predictions as they are, at T = 1, and adds their
    divergence to the whole hard loss instead of weighing the two against each other.
    """

    peers: int = Field(
        default=2,
        ge=2,
        le=4,
        title="Students",
        description="Number of students trained together, each with its own initialization; the first one is kept.",
        json_schema_extra={"step": 1},
    )
    peer: str = Field(
        default="",
        title="Peer",
        description="Model of the other students, from the list of students. Empty: the same as the first.",
        json_schema_extra=ADVANCED,
    )
    mutual_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        title="Mutual weight",
        description="hard + weight · mean divergence from the peers; the paper has 1.",
        json_schema_extra=ADVANCED,
    )
    cache_teacher: bool = Field(default=True, title="Cache teacher outputs", json_schema_extra=NEVER)


def plan(builder: PlanBuilder, stage: str, spec: MutualSpec) -> None:
    """The first student with its peers beside it; a teacher is read only where their initial weights come from it."""
    student = need_student(builder, stage)
    peer = builder.resolved(spec.peer) if spec.peer else student
    settings = {
        **training_settings(builder, spec),
        "peers": spec.peers,
        "peer": {"ref": str(peer.ref), "identity": peer.identity},
        "mutual_weight": spec.mutual_weight,
    }
    step = builder.add(
        stage,
        stage=stage,
        method="mutual",
        operation="mutual",
        produces="model",
        role="student",
        inputs={"teacher": builder.need_teacher(stage)} if student.from_teacher or peer.from_teacher else {},
        label=f"{student.title} · {spec.peers} peers",
        model=student,
        settings=settings,
    )
    builder.current = builder.add_model(step)
    # Its targets were its peers' predictions, which became its own: mutual learning ends where all say much the same.
    answers = (
        {"outputs": teacher_outputs(builder, stage, spec, step, spec.views if spec.augment else 0)} if spec.smooth_control else {}
    )
    plan_controls(builder, stage, spec, targets={}, answers=answers)


METHOD = Method(
    name="mutual",
    title="Mutual learning",
    group=Group.DISTILL,
    transfers="sources",
    flow="mutual learning",
    picture="peers",
    source="Zhang et al. 2018, arXiv:1706.00384, section 3",
    needs=frozenset({"rows", "truths"}),
    order=Place.STUDENT,
    version=1,
    spec=MutualSpec,
    plan=plan,
    summary="Train several students together, each also on the others' predictions. No teacher needed.",
)
