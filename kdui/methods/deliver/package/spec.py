"""Package: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field

from kdui.core.contracts import StageSpec
from kdui.core.knobs.recovery import need_weights
from kdui.core.method import Group, Method, Place
from kdui.core.plan import BESIDE, PlanBuilder, Step

TITLES = {"hf": "Hugging Face", "genai": "ONNX Runtime GenAI", "f16": "GGUF F16", "q8_0": "GGUF Q8_0", "q4_0": "GGUF Q4_0"}


class PackageSpec(StageSpec):
    """In which format, and how it is checked."""

    format: Literal["hf", "gguf", "genai"] = Field(
        default="hf",
        title="Format",
        description="Hugging Face: safetensors, config and tokenizer for transformers. GGUF: one file for llama.cpp. GenAI: the "
        "newest ONNX graph of the recipe, quantized ones included, for ONNX Runtime GenAI.",
    )
    precision: Literal["f16", "q8_0", "q4_0"] = Field(
        default="q8_0",
        title="Precision",
        description="Of the matrices: half precision, or blocks of 32 weights with a scale at 8 or 4 bits; at 4 the table of "
        "embeddings keeps 8.",
        json_schema_extra={"only_when": {"format": ["gguf"]}},
    )
    test_examples: int = Field(
        default=64,
        ge=1,
        le=100_000,
        title="Test texts",
        description="Bits per byte of the file as it is read back, over the first N test texts, beside the model's own.",
        json_schema_extra={"advanced": True},
    )

    @property
    def title(self) -> str:
        """How such a file is called."""
        return TITLES[self.precision if self.format == "gguf" else self.format]

    def chosen(self) -> dict[str, Any]:
        """What decides the file."""
        settings = self.model_dump()
        if self.format != "gguf":
            del settings["precision"]
        return settings


def plan(builder: PlanBuilder, stage: str, spec: PackageSpec) -> None:
    """One step on the model in hand, or on the newest graph where the format is one of graphs."""
    model = _newest(builder, stage) if spec.format == "genai" else need_weights(builder, stage)
    builder.add(
        stage,
        stage=stage,
        method="package",
        operation="package",
        produces="report",
        label=f"{model.label} · {spec.title}",
        settings=spec.chosen(),
        inputs={"model": builder.exported(model) if spec.format == "genai" else model},
    )


def _newest(builder: PlanBuilder, stage: str) -> Step:
    """The last model that is no control of another."""
    builder.need_model(stage)
    return next(step for step in reversed(builder.models) if step.role not in BESIDE)


METHOD = Method(
    name="package",
    title="Package",
    group=Group.DELIVER,
    order=Place.DELIVERED,
    needs=frozenset({"continuations"}),
    seconds=20.0,
    version=1,
    spec=PackageSpec,
    plan=plan,
    summary="Write the language model for other programs (Hugging Face, GGUF, ONNX Runtime GenAI), read it back and check it.",
)
