"""Generator distillation: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import LAYERS, StudentKnobs, need_student, shared_representation
from kdui.core.knobs.training import ADVANCED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder

WEIGHTS = ("output_weight", "feature_weight", "adversarial_weight", "data_weight")


class GeneratorSpec(StudentKnobs):
    """Settings of generator distillation: four losses, each with its weight; a weight of 0 leaves one out."""

    output_weight: float = Field(
        default=10.0,
        ge=0,
        le=1000,
        title="Output weight",
        description="Weight of the mean absolute difference from the teacher's picture of the same noise.",
    )
    feature_weight: float = Field(
        default=0.0,
        ge=0,
        le=1000,
        title="Feature loss weight",
        description="Weight of the mean squared difference from the teacher's feature maps, through a learned projection.",
        json_schema_extra=ADVANCED,
    )
    layers: str = Field(
        default="last",
        pattern=LAYERS,
        title="Layer pairs",
        description="last, auto (every layer at the same depth), or student:teacher pairs counted from 0, such as 0:0, 2:2.",
        json_schema_extra=ADVANCED,
    )
    adversarial_weight: float = Field(
        default=0.0,
        ge=0,
        le=1000,
        title="Adversarial weight",
        description="Weight of an adversary that tells the student's pictures from its teacher's.",
    )
    data_weight: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        title="Data weight",
        description="Weight of an adversary that tells the student's pictures from those of the data. 0: the teacher alone.",
    )


def plan(builder: PlanBuilder, stage: str, spec: GeneratorSpec) -> None:
    """The student reads its teacher's pictures, kept once, and its maps where they count; the control learns from data alone."""
    if not any(getattr(spec, name) for name in WEIGHTS[:3]):
        raise RecipeError(
            f"Stage '{stage}' takes nothing from the teacher. Set 'output_weight', 'feature_weight' or 'adversarial_weight' "
            "above 0."
        )
    need_student(builder, stage)
    settings = {name: getattr(spec, name) for name in WEIGHTS}
    features = None
    if spec.feature_weight:
        shared_representation(builder, stage, ("maps",))
        features = {"kind": "stages", "layers": spec.layers, "reduce": "none"}
    plan_student(
        builder,
        stage,
        spec,
        method="generator_distillation",
        operation="distill_generator",
        settings=settings,
        outputs=bool(spec.output_weight or spec.adversarial_weight),
        features=features,
    )


METHOD = Method(
    name="generator_distillation",
    title="Generator distillation",
    group=Group.DISTILL,
    transfers="outputs",
    flow="pictures of the same noise",
    source="Chang, Lu 2020, TinyGAN, arXiv:2009.13829, section 3; maps as in Li et al. 2020, GAN Compression, arXiv:2003.08936, "
    "section 3.1",
    needs=frozenset({"pictures"}),
    order=Place.STUDENT,
    version=1,
    spec=GeneratorSpec,
    plan=plan,
    summary="Match the teacher's pictures and feature maps for the same noise, beside one adversary or two.",
)
