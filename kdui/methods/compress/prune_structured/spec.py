"""Structured pruning: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field
from pydantic.config import JsonDict

from kdui.core.errors import RecipeError
from kdui.core.knobs.recovery import RecoveryKnobs, need_weights, plan_compressed
from kdui.core.method import Group, Method, Place
from kdui.core.plan import ModelFacts, PlanBuilder
from kdui.core.words import percent

PARTS = ("heads", "feed_forward", "hidden", "layers")


def _part(step: float = 0.05, **extra: Any) -> JsonDict:
    return {"step": step, "percent": True, "modality": "text", **extra}


class PruneStructuredSpec(RecoveryKnobs):
    """Settings of structured pruning and of the recovery that follows under the teacher."""

    kind: Literal["magnitude", "taylor", "bn-scale"] = Field(
        default="magnitude",
        title="Criterion",
        description="Magnitude: smallest weights. Taylor: smallest estimated effect on the loss. BN-scale: channels with "
        "the smallest batch-norm scale.",
    )
    target: Literal["share", "macs", "latency"] = Field(
        default="share",
        title="Target",
        description="Share: remove the given share of each part. MACs, latency: remove as much as the target needs, "
        "counted or measured on this machine.",
    )
    share: float = Field(
        default=0.5,
        ge=0,
        le=0.95,
        title="Channels removed",
        description="Fraction of a convolutional network's channels to remove.",
        json_schema_extra={"step": 0.05, "percent": True, "modality": "image", "only_when": {"target": ["share"]}},
    )
    keep: float = Field(
        default=0.5,
        ge=0.02,
        le=1,
        title="Target",
        description="MACs or latency after pruning, as a fraction of the original.",
        json_schema_extra={"step": 0.01, "percent": True, "only_when": {"target": ["macs", "latency"]}},
    )
    multiple: int = Field(
        default=8,
        ge=1,
        le=64,
        title="Channel multiple",
        description="Round the remaining channels to a multiple, in layers with at least twice as many. Kernels compute 8 "
        "or 16 channels at once; a few more cost as much, or slow the model down. 1: no rounding.",
        json_schema_extra={"step": 1, "modality": "image"},
    )
    heads: float = Field(
        default=0.5,
        ge=0,
        le=0.95,
        title="Attention heads removed",
        description="Fraction of a transformer's attention heads to remove. With a target, these fractions set the proportions.",
        json_schema_extra=_part(),
    )
    feed_forward: float = Field(
        default=0.5,
        ge=0,
        le=0.95,
        title="Feed-forward units removed",
        description="Fraction of the hidden units in a transformer's feed-forward blocks to remove.",
        json_schema_extra=_part(),
    )
    hidden: float = Field(
        default=0.0,
        ge=0,
        le=0.95,
        title="Hidden width removed",
        description="Fraction of the hidden size shared by all layers, embeddings included. Costs the most accuracy.",
        json_schema_extra=_part(),
    )
    layers: float = Field(
        default=0.0,
        ge=0,
        le=0.95,
        title="Layers removed",
        description="Fraction of a transformer's layers to remove.",
        json_schema_extra=_part(),
    )
    layer_choice: Literal["influence", "every"] = Field(
        default="influence",
        title="Which layers",
        description="Influence: layers that change the hidden state least. Every: evenly spaced layers.",
        json_schema_extra={"advanced": True, "modality": "text"},
    )
    scope: Literal["uniform", "global"] = Field(
        default="uniform",
        title="Ranked",
        description="Uniform: the same share in every layer. Global: all layers together, so robust layers lose more.",
        json_schema_extra={"advanced": True},
    )
    rounds: int = Field(
        default=1,
        ge=1,
        le=20,
        title="Cuts",
        description="Number of pruning rounds; fine-tuning epochs are shared among them.",
        json_schema_extra={"advanced": True},
    )
    calibration_examples: int = Field(
        default=256,
        ge=1,
        le=100_000,
        title="Calibration examples",
        description="Training examples used for gradients and layer influence.",
        json_schema_extra={"advanced": True},
    )


def _check(stage: str, spec: PruneStructuredSpec, model: ModelFacts | None) -> None:
    """Raises RecipeError for a model or settings that cannot work."""
    if model is not None and not model.family.structured_pruning:
        raise RecipeError(
            f"Stage '{stage}': {model.family.title} has no channels, heads or layers that can be removed one by one. "
            "Use the stage 'prune', or choose another student."
        )
    if spec.kind == "bn-scale" and model is not None and (model.family.modality == "text" or "attention" in model.family.shows):
        raise RecipeError(
            f"Stage '{stage}': {model.family.title} has no batch normalisation to read scales from. "
            "Choose kind: magnitude or taylor."
        )
    if spec.rounds > max(1, spec.epochs):
        raise RecipeError(
            f"Stage '{stage}' prunes in {spec.rounds} rounds, but has {spec.epochs} fine-tuning epochs to share among them. "
            f"Set 'epochs' to at least {spec.rounds}, or fewer 'rounds'."
        )


def own_settings(builder: PlanBuilder, spec: PruneStructuredSpec) -> dict[str, Any]:
    """All that decides the result; knobs that mean nothing beside the others are left out."""
    settings = spec.chosen()
    if spec.multiple == 1:
        del settings["multiple"]  # it joined later, and does nothing at 1: models made before stay valid
    if spec.target == "share":
        del settings["keep"]
    else:
        del settings["share"]
    if spec.target == "latency":
        settings["machine"] = builder.machine
    return settings


def plan(builder: PlanBuilder, stage: str, spec: PruneStructuredSpec) -> None:
    """One step: the smaller model, fine-tuned with the teacher where there is one."""
    model = need_weights(builder, stage)
    of_teacher = model is builder.teacher or builder.student_facts is None
    facts = builder.teacher_facts if of_teacher else builder.student_facts
    _check(stage, spec, facts)
    plan_compressed(
        builder,
        stage,
        spec,
        method="prune_structured",
        operation="prune_structured",
        remark=_remark(builder, spec),
        settings=own_settings(builder, spec),
    )


def _remark(builder: PlanBuilder, spec: PruneStructuredSpec) -> str:
    """What goes, in a few words, for the model's name on the page."""
    if spec.target != "share":
        return f"{'MACs' if spec.target == 'macs' else 'latency'} to {percent(spec.keep)}"
    if builder.task.modality == "image":
        return f"{percent(spec.share)} of channels removed"
    words = {"heads": "heads", "feed_forward": "feed-forward", "hidden": "width", "layers": "layers"}
    removed = [f"{percent(getattr(spec, part))} of {words[part]}" for part in PARTS if getattr(spec, part)]
    return (" and ".join(removed) or "nothing") + " removed"


METHOD = Method(
    name="prune_structured",
    title="Prune structures",
    group=Group.COMPRESS,
    order=Place.STRUCTURES,
    version=1,
    spec=PruneStructuredSpec,
    plan=plan,
    source="Fang et al. 2023, DepGraph, arXiv:2301.12900, section 3; Molchanov et al. 2019, arXiv:1906.10771",
    summary="Structured pruning: remove whole channels, heads, units or layers, then fine-tune with the teacher. Smaller "
    "and usually faster.",
)
