"""Quantize: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field, JsonValue, model_validator

from kdui.core.errors import RecipeError
from kdui.core.knobs.low_bits import refuse_low_bits
from kdui.core.knobs.recovery import RecoveryKnobs, need_weights, recoveries
from kdui.core.knobs.training import SCALED
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder, Role, Step

BLOCK_BITS = (2, 4, 8)  # what ONNX Runtime's block-wise products support
# Knobs that joined later, with the value at which they do nothing: artifacts made before them stay valid.
JOINED: dict[str, Any] = {
    "activations": "none",
    "symmetric": True,
    "granularity": "channel",
    "calibration": "min-max",
    "rounding": "nearest",
    "allocation": "uniform",
}
ROUNDED: list[JsonValue] = [
    "auto",
    "simulated",
    "weight-only",
]  # schemes whose weights are rounded here, not by ONNX Runtime's quantizer


class QuantizeSpec(RecoveryKnobs):
    """Settings of quantization after training, and of the recovery under the teacher that may go before it."""

    epochs: int = Field(
        default=0,
        ge=0,
        le=1000,
        title="Fine-tuning epochs",
        description="Fine-tuning with the teacher and fake quantization, before the weights are quantized; 0: none.",
        json_schema_extra=SCALED,
    )
    bits: int = Field(
        default=8,
        ge=2,
        le=8,
        title="Bit-width",
        description="8 bits: a real int8 model. Below 8: real file size, simulated accuracy, no speed-up. In a recipe, 16 "
        "means fp16.",
        json_schema_extra={"lens": "bits", "step": 1, "only_when": {"allocation": ["uniform"]}},
    )
    scheme: Literal["auto", "dynamic", "static", "simulated", "weight-only", "fp16"] = Field(
        default="auto",
        title="Scheme",
        description="Auto: default of the model family. Dynamic: activations quantized at run time. Static: calibrated "
        "ranges. Simulated: quantized weights in a float graph. Weight-only: blocks of 2, 4 or 8 bits with "
        "ONNX Runtime kernels, embeddings too. fp16: half precision for GPUs, not faster on a CPU.",
        json_schema_extra={"advanced": True},
    )
    activations: Literal["auto", "none", "8"] = Field(
        default="auto",
        title="Activations",
        description="Auto: 8 bits in an int8 graph, float otherwise. 8 bits with fewer bits for weights simulates both.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": ["auto", "simulated"]}},
    )
    symmetric: bool = Field(
        default=True,
        title="Symmetric quantization",
        description="Symmetric quantization (no zero-point). Turn off for skewed weight distributions.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": ROUNDED}},
    )
    granularity: Literal["tensor", "channel", "group"] = Field(
        default="channel",
        title="Scale granularity",
        description="Per tensor, per output channel, or per group of weights within a channel: finer is more accurate and "
        "stores more scales. Weight-only always uses groups.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": ["auto", "simulated"]}},
    )
    group_size: int = Field(
        default=32,
        ge=8,
        le=1024,
        title="Group size",
        description="Weights per scale with group granularity.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": ROUNDED}},
    )
    calibration: Literal["min-max", "percentile", "mse"] = Field(
        default="min-max",
        title="Range",
        description="Min–max: no clipping. Percentile: clips outliers. MSE: minimizes the squared error.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": [*ROUNDED, "static"]}},
    )
    rounding: Literal["nearest", "gptq", "awq"] = Field(
        default="nearest",
        title="Rounding",
        description="By calibration data, GPTQ: compensates each rounding error in the weights not yet rounded. AWQ: scales "
        "weights of large inputs up before they are rounded, and those inputs down.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": ROUNDED}},
    )
    act_order: bool = Field(
        default=False,
        title="Activation order",
        description="GPTQ rounds the weights of the inputs with the largest activations first.",
        json_schema_extra={"advanced": True, "only_when": {"rounding": ["gptq"]}},
    )
    dampening: float = Field(
        default=0.01,
        gt=0,
        le=1,
        title="Dampening",
        description="Damping added to the diagonal of the GPTQ Hessian, as a fraction of its mean.",
        json_schema_extra={"advanced": True, "only_when": {"rounding": ["gptq"]}},
    )
    allocation: Literal["uniform", "mixed"] = Field(
        default="uniform",
        title="Bit allocation",
        description="Mixed: measure the sensitivity of each layer on validation examples and give sensitive layers more bits.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": ROUNDED}},
    )
    average_bits: float = Field(
        default=4.0,
        ge=2,
        le=8,
        title="Average bits",
        description="Maximum average bit-width over all quantized layers.",
        json_schema_extra={"step": 0.25, "only_when": {"allocation": ["mixed"]}},
    )
    cache_bits: Literal["float", "8", "4"] = Field(
        default="float",
        title="KV-cache bits",
        description="Keys and values of earlier tokens in 8 or 4 bits, by ONNX Runtime's own attention operator: less memory for "
        "long texts.",
        json_schema_extra={"advanced": True, "needs": "continuations", "only_when": {"scheme": ROUNDED}},
    )
    calibration_examples: int = Field(
        default=256,
        ge=16,
        le=4096,
        title="Calibration examples",
        description="Training examples used for static activation ranges, the KV cache, GPTQ or AWQ.",
        json_schema_extra={"advanced": True},
    )

    @model_validator(mode="before")
    @classmethod
    def _sixteen_is_half(cls, settings: Any) -> Any:
        """``bits: 16`` is short for the scheme fp16: there is no integer grid of 16 bits here."""
        if isinstance(settings, dict) and settings.get("bits") == 16 and settings.get("scheme", "auto") in ("auto", "fp16"):
            return {**{name: value for name, value in settings.items() if name != "bits"}, "scheme": "fp16"}
        return settings

    @property
    def computes_in_int8(self) -> bool:
        return self.scheme in ("auto", "dynamic", "static") and self.bits == 8


def chosen_scheme(spec: QuantizeSpec, family: Literal["static", "dynamic"]) -> str:
    """What ``auto`` means here: the family's int8 at 8 bits, unless a knob needs simulated rounding."""
    if spec.scheme == "auto":
        rounded_here = _own_rounding(spec) or spec.activations == "none"
        return "simulated" if spec.bits < 8 or rounded_here else family
    return "simulated" if spec.scheme in ("dynamic", "static") and spec.bits < 8 else spec.scheme


def _own_rounding(spec: QuantizeSpec) -> bool:
    return any(getattr(spec, name) != JOINED[name] for name in ("symmetric", "granularity", "rounding", "allocation"))


def check_combination(stage: str, spec: QuantizeSpec, scheme: str) -> None:
    """Raises RecipeError for knobs that no graph can follow together."""
    words = ""
    if spec.cache_bits != "float" and scheme not in ("simulated", "weight-only"):
        words = f"a KV cache is quantized beside weights in blocks or simulated, not {scheme}. Choose scheme: weight-only."
    elif scheme in ("dynamic", "static"):
        if spec.activations == "none":
            words = f"{scheme} int8 rounds activations too. Choose scheme: simulated or weight-only, or leave 'activations' out."
        elif _own_rounding(spec):
            words = (
                f"{scheme} int8 is rounded by ONNX Runtime, symmetric for each channel. For gptq, awq, groups, zero-points or "
                "mixed bits choose scheme: simulated or weight-only."
            )
        elif scheme == "dynamic" and spec.calibration != "min-max":
            words = "dynamic int8 reads the range of activations while it runs. Choose scheme: static, or calibration: min-max."
    if scheme == "weight-only":
        if spec.allocation == "uniform" and spec.bits not in BLOCK_BITS:
            words = (
                f"ONNX Runtime multiplies blocks of 2, 4 or 8 bits, not {spec.bits}. Choose one of them, or scheme: simulated."
            )
        elif spec.activations == "8":
            words = "weight-only keeps activations in float. Choose scheme: simulated for both, or leave 'activations' out."
        elif spec.granularity == "tensor":
            words = "weight-only has a scale for each group. Set 'granularity: group', or scheme: simulated."
        elif spec.group_size < 16 or spec.group_size & (spec.group_size - 1):
            words = f"blocks have 16, 32, 64, 128 or 256 weights, not {spec.group_size}. Set 'group_size' to one of these."
    if words:
        raise RecipeError(f"Stage '{stage}': {words}")


def settings_of(spec: QuantizeSpec, scheme: str, machine: str) -> dict[str, Any]:
    """What decides the result; what means nothing in this scheme is left out, and so is what joined later at its default."""
    if scheme == "fp16":
        return {"bits": 16, "scheme": scheme}
    mixed = spec.allocation == "mixed"
    settings: dict[str, Any] = {"bits": spec.average_bits if mixed else spec.bits, "scheme": scheme}
    if scheme in ("dynamic", "static"):
        settings["machine"] = machine  # the faster variant is chosen by measurement
        if scheme == "dynamic":
            settings["attention"] = "tried fused"  # joined later: what was made before it had one variant less
    else:
        kept = {name: getattr(spec, name) for name in ("symmetric", "granularity", "rounding", "allocation")}
        kept["activations"] = "8" if spec.activations == "8" else "none"
        if scheme == "weight-only":
            kept["granularity"] = "group"
        settings |= {name: value for name, value in kept.items() if value != JOINED[name]}
        if kept["granularity"] == "group":
            settings["group_size"] = spec.group_size
        if spec.rounding == "gptq":
            settings |= {"act_order": spec.act_order, "dampening": spec.dampening}
        if spec.cache_bits != "float":
            settings["cache_bits"] = int(spec.cache_bits)
    if scheme != "dynamic" and spec.calibration != "min-max":
        settings["calibration"] = spec.calibration
    if scheme == "static" or spec.rounding != "nearest" or settings.get("activations") == "8" or "cache_bits" in settings:
        settings["calibration_examples"] = spec.calibration_examples
    return settings


def remark(settings: dict[str, Any]) -> str:
    """The model's suffix on the page: int8, 4-bit, W4A8, mixed 4-bit GPTQ, 3-bit AWQ, 4-bit weight-only, fp16."""
    if settings["scheme"] in ("dynamic", "static"):
        return "int8"
    if settings["scheme"] == "fp16":
        return "fp16"
    weights_and_activations = settings.get("activations") == "8"
    words = [f"W{settings['bits']:g}A8" if weights_and_activations else f"{settings['bits']:g}-bit"]
    words += ["mixed"] if settings.get("allocation") == "mixed" else []
    words += [settings["rounding"].upper()] if "rounding" in settings else []
    words += ["weight-only"] if settings["scheme"] == "weight-only" else []
    return " ".join([*words, *([f"KV{settings['cache_bits']}"] if "cache_bits" in settings else [])])


def check_recovery(stage: str, spec: QuantizeSpec, scheme: str) -> None:
    """Raises RecipeError for knobs that a recovery cannot follow: it rounds to the nearest level of the weights' whole range."""
    words = ""
    if scheme == "fp16":
        words = "half precision needs no fine-tuning. Set 'epochs: 0' there."
    elif spec.allocation == "mixed":
        words = "the bits of each layer are chosen on the finished model. Set 'epochs: 0' there, or 'allocation: uniform'."
    elif spec.rounding != "nearest":
        words = (
            f"after fine-tuning the weights lie on their grid, so {spec.rounding.upper()} has no error to compensate. "
            "Leave 'rounding' out."
        )
    elif spec.calibration != "min-max" and scheme != "static":
        words = "fine-tuning uses the full range of the weights. Leave 'calibration' out."
    if words:
        raise RecipeError(f"Stage '{stage}' fine-tunes before it quantizes: {words}")


def recovery_settings(spec: QuantizeSpec, scheme: str) -> dict[str, Any]:
    """What decides the recovered weights: the training's knobs and the grid, which ONNX Runtime's int8 has for each channel."""
    training = {name: value for name, value in spec.chosen().items() if name in RecoveryKnobs.model_fields}
    if scheme in ("dynamic", "static"):
        return {**training, "bits": 8, "symmetric": True, "granularity": "channel", "blocks": False}
    blocks = scheme == "weight-only"
    granularity = "group" if blocks else spec.granularity
    grid: dict[str, Any] = {"bits": spec.bits, "symmetric": spec.symmetric, "granularity": granularity, "blocks": blocks}
    return {**training, **grid, **({"group_size": spec.group_size} if granularity == "group" else {})}


def plan(builder: PlanBuilder, stage: str, spec: QuantizeSpec) -> None:
    """One step on the exported graph; 8 bits choose the faster variant by measurement, so the machine counts.

    The float model stays the one that later stages work on: a second bit-width rounds it, not what was rounded already. With
    recovery epochs a step before it fine-tunes that model with rounded weights, and is rounded in its place.
    """
    model = builder.need_model(stage)
    refuse_low_bits(stage, model)
    family = builder.student_facts or builder.teacher_facts
    scheme = chosen_scheme(spec, family.family.quantization if family else "dynamic")
    check_combination(stage, spec, scheme)
    settings = settings_of(spec, scheme, builder.machine)
    for suffix, words, role, source in _sources(builder, stage, spec, scheme, model):
        step = builder.add(
            f"{stage}{suffix}",
            stage=stage,
            method="quantize",
            operation="quantize",
            produces="onnx",
            role=role,
            label=f"{model.label} · {remark(settings)}{words}",
            settings=settings,
            inputs={"model": builder.exported(source)},
        )
        builder.add_model(step)


def _sources(builder: PlanBuilder, stage: str, spec: QuantizeSpec, scheme: str, model: Step) -> list[tuple[str, str, Role, Step]]:
    """What is rounded: the model as it is, or recovered, with the controls of that recovery; each with what its names end in."""
    if not spec.epochs and not (spec.control or spec.smooth_control):
        return [("", "", "compressed", model)]
    if spec.epochs:
        check_recovery(stage, spec, scheme)
    sources: list[tuple[str, str, Role, Step]] = []
    for each in recoveries(builder, stage, spec, need_weights(builder, stage), recovery_settings(spec, scheme)):
        step = builder.add(
            f"{stage}.recovered{each.suffix}",
            stage=stage,
            method="quantize",
            operation="recover_rounded",
            produces="model",
            role=each.role,
            label=f"{model.label} · fine-tuned{each.words}",
            settings=each.settings,
            inputs=each.inputs,
        )
        sources.append((each.suffix, f", fine-tuned{each.words}", each.role, step))
    return sources


METHOD = Method(
    name="quantize",
    title="Quantize",
    group=Group.COMPRESS,
    order=Place.ROUNDED,
    plain=True,
    version=2,
    spec=QuantizeSpec,
    plan=plan,
    source="Jacob et al. 2018, arXiv:1712.05877, section 3; Frantar et al. 2022, arXiv:2210.17323, section 3; "
    "Lin et al. 2023, arXiv:2306.00978, section 3.2",
    summary="Post-training quantization. 8 bits also run in int8; fine-tuning with the teacher is optional.",
)
