"""Measurement: a number that a person may be shown, with its samples and where it comes from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import Field, computed_field

from kdui.core.metric import Metric
from kdui.core.numbers import THIN, number
from kdui.core.plain import Frozen


class Origin(StrEnum):
    """How a number came to be."""

    MEASURED = "measured"
    SIMULATED = "simulated"
    ESTIMATED = "estimated"
    REPLAYED = "replayed"

    @property
    def mark(self) -> str:
        """The sign beside the number on the page."""
        return {"measured": "●", "simulated": "◐", "estimated": "○", "replayed": "⟲"}[self.value]


class Provenance(Frozen):
    """Where a number comes from: how, on what, over how many samples."""

    origin: Origin
    device: str = Field(default="", description="processor or GPU name with its flags")
    n: int | None = Field(default=None, ge=1, description="number of samples behind the value")
    split: str | None = Field(default=None, description="train, validation, test, or the title of an out-of-domain source")
    note: str = Field(default="", description="what a reader must know, e.g. speed is that of the unpacked model")
    versions: dict[str, str] = {}


class Measurement(Frozen):
    """One metric of one model.

    ``value`` is in ``unit``; ``samples`` are the raw readings in the same unit where there are any
    (latency in ms), ``low`` and ``high`` the 95 % interval. Metrics later fit by name: perplexity, NDCG, MOS
    are further rows, not further types.
    """

    metric: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    samples: tuple[float, ...] = ()
    higher_is_better: bool | None = None
    title: str = Field(default="", description="how a table calls the metric; empty in what was measured before it was kept")
    provenance: Provenance

    @property
    def kind(self) -> Metric:
        """What was measured, with its behaviour; where no direction was kept, more is taken to be better."""
        title = self.title or self.metric.replace("_", " ").capitalize()
        return Metric(name=self.metric, title=title, unit=self.unit, higher_is_better=self.higher_is_better is not False)

    def written(self) -> str:
        """The value with its unit and the mark of its origin, as a terminal shows it."""
        return f"{number(self.value, self.unit)} {self.mark}".replace(THIN, " ")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def mark(self) -> str:
        """The sign of its origin, for tables."""
        return self.provenance.origin.mark

    def row(self) -> dict[str, Any]:
        """Plain values for a table or JSON."""
        return self.model_dump(mode="json")


def with_download(measured: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """The measurements and, as ``download``, what travels over a wire: the packed file if there is one, else the gzipped graph.

    It is the one size that all tabs show.
    """
    item = measured.get("packed_bytes") or measured.get("gzip_bytes")
    if item is None:
        return dict(measured)
    return {**measured, "download": item.model_copy(update={"metric": "download", "title": "Download"})}
