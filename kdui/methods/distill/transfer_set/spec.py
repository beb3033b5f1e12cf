"""Transfer set: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.planned_students import plan_student
from kdui.core.knobs.student import SoftTargetKnobs, teacher_outputs
from kdui.core.knobs.training import ADVANCED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder


class TransferSetSpec(SoftTargetKnobs):
    """Settings of a transfer set that the teacher scores (texts: Tang et al. 2019, section 3.3; images: Beyer et al. 2022,
    section 3)."""

    change: Literal["shift", "crop", "flip", "mixup", "shift+mixup", "crop+mixup", "flip+mixup"] = Field(
        default="shift+mixup",
        title="Augmentation",
        description="Crop: shifted by up to one eighth. Flip: horizontal flip with probability 0.5. Shift: both, where "
        "flips keep the label. Mixup: convex combination of two images.",
        json_schema_extra={"modality": "image"},
    )
    masked: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        title="Masked words",
        description="Probability of masking a word.",
        json_schema_extra={"modality": "text", "step": 0.05, "percent": True},
    )
    augment: bool = Field(
        default=False,
        title="Augment the control's images",
        description="The student trains on the augmentation chosen above. On: shift the images of the controls, too.",
        json_schema_extra={**ADVANCED, "modality": "image"},
    )
    views: int = Field(
        default=4,
        ge=2,
        le=32,
        title="Views",
        description="Versions of each example, cycled by epoch: the first is the original with its label, the others are "
        "augmented and have the teacher's prediction only.",
    )

    def augmentation(self, modality: str) -> dict[str, Any]:
        """What the views are, as ``training.augmentation`` reads it."""
        kinds: dict[str, dict[str, Any]] = {"text": {"kind": "mask", "share": self.masked}, "audio": {"kind": "vary"}}
        return kinds.get(modality, {"kind": self.change})


def plan(builder: PlanBuilder, stage: str, spec: TransferSetSpec) -> None:
    """The teacher scores every view once; the student's epochs go round the views. The control sees the examples as they are,
    or shifted ones where ``augment`` is on."""
    builder.need_teacher(stage)
    if "flip" in spec.change and builder.task.modality == "image" and not builder.task.input.get("mirror"):
        raise RecipeError(
            f"Stage '{stage}' flips images, but flips change the meaning of those of {builder.task.title}. Set 'change: "
            "crop', or 'crop+mixup'."
        )
    augmentation = spec.augmentation(builder.task.modality)
    inputs = {}
    if spec.cache_teacher:
        inputs["outputs"] = teacher_outputs(builder, stage, spec, views=spec.views, augmentation=augmentation)
    plan_student(
        builder,
        stage,
        spec,
        method="transfer_set",
        operation="transfer_set",
        settings={**spec.soft(), "augmentation": augmentation, "views": spec.views},
        outputs=False,
        inputs=inputs,
    )


METHOD = Method(
    name="transfer_set",
    title="Transfer set",
    group=Group.DISTILL,
    transfers="data",
    flow="new examples",
    source="Tang et al. 2019, arXiv:1903.12136, section 3.3; Beyer et al. 2022, arXiv:2106.05237, section 3",
    needs=frozenset({"labels"}),
    order=Place.STUDENT,
    version=1,
    spec=TransferSetSpec,
    plan=plan,
    summary="Extend the training set with masked texts, mixed and shifted images, or varied sounds labelled by the teacher.",
)
