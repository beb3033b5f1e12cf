"""Quantize: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.contracts import Method, StageSpec
from kdui.core.plan import Chain


class QuantizeSpec(StageSpec):
    """Settings of post-training quantization."""

    bits: int = Field(
        default=8,
        ge=2,
        le=8,
        title="Bit-width",
        description="8 makes an int8 graph that ONNX Runtime runs; "
        "below that the accuracy is simulated and the packed size is real.",
        json_schema_extra={"lens": "bits", "step": 1},
    )
    scheme: Literal["auto", "dynamic", "static", "simulated"] = Field(
        default="auto",
        title="Scheme",
        description="auto: what suits the family. dynamic: activations quantized on the fly. "
        "static: calibrated beforehand. simulated: rounded weights in a float graph.",
        json_schema_extra={"advanced": True},
    )
    calibration_examples: int = Field(
        default=256,
        ge=16,
        le=4096,
        title="Calibration examples",
        description="Training examples whose activations set the static ranges.",
        json_schema_extra={"advanced": True, "only_when": {"scheme": ["auto", "static"]}},
    )


def plan(chain: Chain, stage: str, spec: QuantizeSpec) -> None:
    """One step on the exported graph; 8 bits choose the faster variant by measurement, so the machine counts.

    The float model stays the one that later stages work on: a second bit-width rounds it, not what was rounded already.
    """
    model = chain.need_model(stage)
    family = chain.student_facts or chain.teacher_facts
    scheme = spec.scheme
    if scheme == "auto":
        scheme = "simulated" if spec.bits < 8 else (family.family.quantization if family else "dynamic")
    elif scheme in ("dynamic", "static") and spec.bits < 8:
        scheme = "simulated"
    settings: dict[str, Any] = {"bits": spec.bits, "scheme": scheme}
    if scheme != "simulated":
        settings["machine"] = chain.machine
    if scheme == "static":
        settings["calibration_examples"] = spec.calibration_examples
    step = chain.add(
        stage,
        stage=stage,
        method="quantize",
        operation="quantize",
        produces="onnx",
        role="compressed",
        label=f"{model.label} · {'int8' if spec.bits == 8 and scheme != 'simulated' else f'{spec.bits}-bit'}",
        settings=settings,
        inputs={"model": chain.exported(model)},
    )
    chain.add_model(step)


METHOD = Method(
    name="quantize",
    title="Quantize",
    group="compress",
    order=50,
    version=1,
    spec=QuantizeSpec,
    plan=plan,
    summary="Store weights in fewer bits; at 8 bits also compute in int8.",
)
