"""Every number of every model."""

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model and measurement, by its name."""
    return [
        {**model.row(item), "name": name, "unit": item.unit, "origin": str(item.provenance.origin)}
        for model in run.models
        for name, item in model.measurements.items()
    ]


FRAME = EvidenceFrame("measurements", rows_of)
