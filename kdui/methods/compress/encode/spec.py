"""Encode: the form, and its place in the plan."""

from pydantic import Field

from kdui.core.contracts import StageSpec
from kdui.core.method import Group, Method, Place
from kdui.core.plan import PlanBuilder, Step


class EncodeSpec(StageSpec):
    """Settings of the last step of Deep Compression."""

    bits: int = Field(
        default=0,
        ge=0,
        le=8,
        title="Index bits",
        description="0 keeps the weights as they are; otherwise each layer's weights are first clustered to 2^bits shared "
        "values, zeros apart.",
        json_schema_extra={"step": 1},
    )


def plan(builder: PlanBuilder, stage: str, spec: EncodeSpec) -> None:
    """One step on the graph of the newest compressed model, else of the model in hand; its size counts against fp32."""
    current = builder.need_model(stage)
    model = _newest(builder, current)
    inputs = {"model": builder.exported(model), "float": builder.exported(current)}
    if model.produces == "model":  # export folds normalisation into weights that share values; these are from before that
        inputs["weights"] = model
    step = builder.add(
        stage,
        stage=stage,
        method="encode",
        operation="encode",
        produces="onnx",
        role="compressed",
        label=f"{model.label} · encoded" + (f" with {2**spec.bits} values a layer" if spec.bits else ""),
        settings={"bits": spec.bits},
        inputs=inputs,
    )
    builder.add_model(step)


def _newest(builder: PlanBuilder, current: Step) -> Step:
    """What a quantize stage made is not the current model, but it is what a person wants packed."""
    compressed = [step for step in builder.models if step.role == "compressed" and step.method != "encode"]
    return compressed[-1] if compressed else current


METHOD = Method(
    name="encode",
    title="Encode (Huffman)",
    group=Group.COMPRESS,
    order=Place.PACKED,
    version=2,
    spec=EncodeSpec,
    plan=plan,
    source="Han, Mao and Dally 2016, Deep Compression, arXiv:1510.00149, sections 3 and 4",
    summary="Lossless compression (run-length and Huffman coding). Works best after pruning and weight sharing.",
)
