"""Claims: what a delivered model file says about itself, so that anybody with kdui can check it."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from kdui.core.artifact import FileRecord
from kdui.core.contracts import InputSettings
from kdui.core.measurement import Measurement, Origin
from kdui.core.plain import Frozen

# A terminal obeys control characters, and these words come from whoever wrote the file.
Words = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class Claim(Frozen):
    """One figure with where it comes from: a Measurement without its raw samples."""

    metric: Words
    value: FiniteFloat
    unit: Words
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    origin: Origin
    device: Words = ""
    n: int | None = None
    note: Words = ""

    @classmethod
    def of(cls, item: Measurement) -> "Claim":
        """The figure as it was measured."""
        source = item.provenance
        return cls(
            metric=item.metric,
            value=item.value,
            unit=item.unit,
            low=item.low,
            high=item.high,
            origin=source.origin,
            device=source.device,
            n=source.n,
            note=source.note,
        )


class DataClaim(Frozen):
    """Which examples the quality was measured on: the first ``n`` of a task's test split."""

    task: Words
    version: int
    n: int = Field(ge=1)
    sha256: Words = Field(description="of all examples and targets of the test split")


class Timing(Frozen):
    """How the latency was measured, so that it can be measured so again."""

    threads: int = Field(default=1, ge=1, le=256)
    runs: int = Field(default=200, ge=20, le=10_000)
    device: Literal["cpu", "cuda"] = "cpu"


class Claims(Frozen):
    """All that a delivered file says. It is not signed: ``verify`` measures again instead of believing."""

    kdui: Literal[1] = 1
    run: Words
    recipe: Words = Field(description="digest of the recipe")
    artifact: Words = Field(description="digest of the step that made the model")
    step: Words
    label: Words
    role: Words
    data: DataClaim
    model: FileRecord = Field(description="the ONNX file without what kdui put behind it")
    files: dict[str, FileRecord] = Field(default={}, description="what stands in the same file, e.g. tokenizer.json")
    beside: dict[str, FileRecord] = Field(default={}, description="weights of a large model in files beside it")
    inputs: InputSettings
    timing: Timing = Timing()
    device: Words = Field(default="", description="processor or GPU and its instruction sets, where it was measured")
    versions: dict[str, str] = {}
    figures: tuple[Claim, ...] = Field(max_length=5000)

    def figure(self, metric: str) -> Claim | None:
        """The claimed figure of that name, if there is one."""
        return next((claim for claim in self.figures if claim.metric == metric), None)
