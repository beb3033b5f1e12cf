"""Package: the form, and its place in the plan."""

from typing import Any, Literal

from pydantic import Field, field_validator

from kdui.core.contracts import Need, StageSpec
from kdui.core.deliverable import DELIVERABLES, Deliverable
from kdui.core.errors import UnknownName
from kdui.core.knobs.recovery import need_weights
from kdui.core.method import Group, Method, Place
from kdui.core.plan import BESIDE, PlanBuilder, Step

AUTO, ALL = "auto", "all"


class PackageSpec(StageSpec):
    """In which format, and how it is checked."""

    format: str = Field(
        default=AUTO,
        title="Format",
        description="Auto: Hugging Face where text is generated, else ONNX. Hugging Face: safetensors, config and tokenizer for "
        "transformers. GGUF: one file for llama.cpp. GenAI: the newest ONNX graph of the recipe, quantized ones included, for "
        "ONNX Runtime GenAI. onnx and kdz: that graph of any task, as it is or packed. Recipes may name several with commas "
        "between; all: every format that the task has.",
        json_schema_extra={"choices": [AUTO, *DELIVERABLES, ALL]},
    )
    precision: Literal["f16", "q8_0", "q4_0"] = Field(
        default="q8_0",
        title="Precision",
        description="Of the matrices: half precision, or blocks of 32 weights with a scale at 8 or 4 bits; at 4 the table of "
        "embeddings keeps 8.",
        json_schema_extra={"only_when": {"format": ["gguf", ALL]}},
    )
    test_examples: int = Field(
        default=64,
        ge=1,
        le=100_000,
        title="Test examples",
        description="Quality of the file as it is read back, over the first N test examples, beside the model's own.",
        json_schema_extra={"advanced": True},
    )

    @field_validator("format")
    @classmethod
    def _known(cls, wanted: str) -> str:
        names = names_of(wanted)
        if names in ([AUTO], [ALL]):
            return names[0]
        for name in names:
            if name not in DELIVERABLES:
                raise ValueError(str(UnknownName("format", name, (AUTO, *DELIVERABLES, ALL))))
        if not names or len({*names}) < len(names):
            raise ValueError(f"name one or several of {', '.join(DELIVERABLES)}, each once, or {ALL}")
        return ",".join(names)

    def formats(self, gives: frozenset[Need]) -> list[Deliverable]:
        """Those that are wanted of a task whose problem gives this."""
        fitting = [each for each in DELIVERABLES.values() if each.needs <= gives]
        if self.format == AUTO:
            return [DELIVERABLES["hf"] if DELIVERABLES["hf"] in fitting else DELIVERABLES["onnx"]]
        if self.format == ALL:
            return fitting
        return [DELIVERABLES[name] for name in names_of(self.format)]

    @property
    def needs(self) -> frozenset[Need]:
        """What the named formats need of a problem."""
        return frozenset[Need]().union(*(DELIVERABLES[name].needs for name in names_of(self.format) if name in DELIVERABLES))

    def title(self, name: str) -> str:
        """How a file of this format is called."""
        precise = "precision" in DELIVERABLES[name].knobs
        return f"{DELIVERABLES[name].title}{f' {self.precision.upper()}' if precise else ''}"

    def chosen(self, name: str) -> dict[str, Any]:
        """What decides the file of this format."""
        others = frozenset[str]().union(*(each.knobs for each in DELIVERABLES.values())) - DELIVERABLES[name].knobs
        return {knob: value for knob, value in {**self.model_dump(), "format": name}.items() if knob not in others}


def names_of(wanted: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in wanted.split(",") if name.strip()]


def plan(builder: PlanBuilder, stage: str, spec: PackageSpec) -> None:
    """A step for each format, on the model in hand, or on the newest graph where the format is one of graphs."""
    formats = spec.formats(builder.gives)
    for each in formats:
        graph = each.takes == "graph"
        model = _newest(builder, stage) if graph else need_weights(builder, stage)
        builder.add(
            stage if len(formats) == 1 else f"{stage}.{each.name}",
            stage=stage,
            method="package",
            operation="package",
            produces="report",
            label=f"{model.label} · {spec.title(each.name)}",
            settings=spec.chosen(each.name),
            inputs={"model": builder.exported(model) if graph else model},
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
    seconds=20.0,
    version=1,
    spec=PackageSpec,
    plan=plan,
    summary="Write the model for other programs (ONNX, Hugging Face, GGUF, ONNX Runtime GenAI), read it back and check it.",
)
