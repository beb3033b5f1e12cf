"""What every compression of a trained model shares: the knobs of the recovery under the teacher, and its place in the plan."""

from typing import Any, NamedTuple

from pydantic import Field

from kdui.core.errors import RecipeError
from kdui.core.knobs.low_bits import refuse_low_bits
from kdui.core.knobs.student import teacher_outputs
from kdui.core.knobs.training import ADVANCED, KEPT_LOGITS, NEVER, SCALED, KeptLogits, TrainingKnobs, refuse_adapters
from kdui.core.plan import PlanBuilder, Role, Step

CONTROLS = ("control", "smooth_control")


class RecoveryKnobs(TrainingKnobs):
    """Settings of the fine-tuning that follows a compression: under the teacher's soft targets where there is a teacher."""

    epochs: int = Field(
        default=2,
        ge=0,
        le=1000,
        title="Fine-tuning epochs",
        description="Fine-tuning after compression; pruned weights stay zero.",
        json_schema_extra=SCALED,
    )
    learning_rate: float = Field(
        default=5e-4,
        gt=0,
        le=10,
        title="Learning rate",
        description="Peak learning rate of fine-tuning.",
        json_schema_extra=ADVANCED,
    )
    temperature: float = Field(
        default=4.0,
        ge=1,
        le=20,
        title="Fine-tuning temperature",
        description="As in Distill.",
        json_schema_extra={"advanced": True, "step": 0.5},
    )
    soft_weight: float = Field(
        default=0.7,
        ge=0,
        le=1,
        title="Fine-tuning soft weight α",
        description="0 fine-tunes on ground-truth labels alone.",
        json_schema_extra={"advanced": True, "step": 0.05},
    )
    control: bool = Field(
        default=False,
        title="Control run",
        description="Baseline: fine-tune the same compressed model without the teacher for the same number of steps.",
        json_schema_extra=ADVANCED,
    )
    smooth_control: bool = Field(
        default=False,
        title="Label-smoothing control",
        description="Second baseline: label smoothing with the same entropy as the teacher's targets.",
        json_schema_extra=ADVANCED,
    )
    kept_logits: KeptLogits = KEPT_LOGITS
    augment: bool = Field(default=False, title="Data augmentation", json_schema_extra=NEVER)
    adapter_rank: int = Field(default=0, ge=0, le=256, title="Adapter rank", json_schema_extra=NEVER)

    def chosen(self) -> dict[str, Any]:
        """Without the controls, which stand beside the result and decide nothing of it."""
        return {name: value for name, value in super().chosen().items() if name not in CONTROLS}


def need_weights(builder: PlanBuilder, stage: str) -> Step:
    """The model in hand; raises RecipeError where only its graph is left."""
    model = builder.need_model(stage)
    if model.produces != "model":
        raise RecipeError(
            f"Stage '{stage}' has only the ONNX graph {model.label}, without weights that can be trained. "
            "Put it before 'quantize', or choose a model with weights."
        )
    refuse_low_bits(stage, model)
    return model


def plan_compressed(
    builder: PlanBuilder,
    stage: str,
    spec: RecoveryKnobs,
    *,
    method: str,
    operation: str,
    remark: str,
    settings: dict[str, Any] | None = None,
) -> Step:
    """One step: the model in hand compressed, and fine-tuned with the teacher where there is one; it becomes the current model.

    ``settings`` are those that decide the result beside the training's; left out, all that the spec has chosen. ``remark``
    stands behind the model's name on the page.
    """
    chosen = spec.chosen() if settings is None else settings
    for each in recoveries(builder, stage, spec, need_weights(builder, stage), chosen):
        step = builder.add(
            f"{stage}{each.suffix}",
            stage=stage,
            method=method,
            operation=operation,
            produces="model",
            role=each.role,
            inputs=each.inputs,
            label=f"{each.inputs['model'].label} · {remark}{each.words}",
            settings=each.settings,
        )
        builder.add_model(step)
        if each.role == "compressed":
            builder.current = compressed = step
    return compressed


class Recovery(NamedTuple):
    """One recovery of a stage, the result or a control: what is appended to its names, and what decides it."""

    suffix: str
    words: str
    role: Role
    inputs: dict[str, Step]
    settings: dict[str, Any]


def recoveries(builder: PlanBuilder, stage: str, spec: RecoveryKnobs, model: Step, chosen: dict[str, Any]) -> list[Recovery]:
    """The recovery of the model under the teacher where there is one, first, and the controls that the spec asks for.

    ``chosen`` are the settings that decide the result. Raises RecipeError for knobs that mean nothing in a recovery.
    """
    refuse_adapters(stage, spec)
    if spec.augment:
        raise RecipeError(f"Stage '{stage}' fine-tunes without augmentation. Leave 'augment' out.")
    inputs = {"model": model}
    if spec.epochs and spec.soft_weight and builder.teacher is not None:
        inputs["outputs"] = teacher_outputs(builder, stage, spec)
    settings = {**chosen, "augment": False, "seed": builder.recipe.seed}
    recovered = [Recovery("", "", "compressed", inputs, settings)]
    taught = "outputs" in inputs
    if (spec.control or spec.smooth_control) and spec.soft_weight:
        _need_taught_recovery(stage, spec, taught)
    if spec.control and taught:
        own = {**settings, "soft_weight": 0.0, "temperature": 1.0}
        recovered.append(Recovery(".control", " (no KD)", "control", {"model": model}, own))
    if spec.smooth_control and taught:
        recovered.append(Recovery(".smoothed", " (label smoothing)", "smoothed", inputs, {**settings, "smoothed": True}))
    return recovered


def _need_taught_recovery(stage: str, spec: RecoveryKnobs, taught: bool) -> None:
    """Raises RecipeError where the model is not fine-tuned with a teacher, so that its control would be the model itself.

    At ``soft_weight: 0`` it is its own control, and a sweep may hold that value.
    """
    if not taught:
        missing = "the recipe has no teacher" if spec.epochs else "'epochs' is 0"
        raise RecipeError(
            f"Stage '{stage}' fine-tunes without a teacher, since {missing}: its control would be the same model. Switch "
            "'control' and 'smooth_control' off there, or let it fine-tune with a teacher."
        )
