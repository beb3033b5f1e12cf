"""Claims: what a delivered model file says about itself, so that anybody with kdui can check it."""

from typing import Literal

from pydantic import Field

from kdui.core.artifact import FileRecord
from kdui.core.contracts import InputSettings
from kdui.core.measurement import Measurement, Origin
from kdui.core.plain import Frozen


class Claim(Frozen):
    """One figure with where it comes from: a Measurement without its raw samples."""

    metric: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    origin: Origin
    device: str = ""
    n: int | None = None
    note: str = ""

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

    task: str
    version: int
    n: int = Field(ge=1)
    sha256: str = Field(description="of all examples and targets of the test split")


class Timing(Frozen):
    """How the latency was measured, so that it can be measured so again."""

    threads: int = Field(default=1, ge=1, le=256)
    runs: int = Field(default=200, ge=20, le=10_000)
    device: Literal["cpu", "cuda"] = "cpu"


class Claims(Frozen):
    """All that a delivered file says. It is not signed: ``verify`` measures again instead of believing."""

    kdui: Literal[1] = 1
    run: str
    recipe: str = Field(description="digest of the recipe")
    artifact: str = Field(description="digest of the step that made the model")
    step: str
    label: str
    role: str
    data: DataClaim
    model: FileRecord = Field(description="the ONNX file without what kdui put behind it")
    files: dict[str, FileRecord] = Field(default={}, description="what stands in the same file, e.g. tokenizer.json")
    beside: dict[str, FileRecord] = Field(default={}, description="weights of a large model in files beside it")
    inputs: InputSettings
    timing: Timing = Timing()
    device: str = Field(default="", description="processor or GPU and its instruction sets, where it was measured")
    versions: dict[str, str] = {}
    figures: tuple[Claim, ...]

    def figure(self, metric: str) -> Claim | None:
        """The claimed figure of that name, if there is one."""
        return next((claim for claim in self.figures if claim.metric == metric), None)
