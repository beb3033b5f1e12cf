"""Robustness: the headline on corrupted inputs, out of the measurements' names."""

import re

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row

NAMED = re.compile(r"robustness\.(?P<corruption>\w+)\.(?P<severity>\d+)")


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model, corruption and severity; that of clean inputs has severity 0."""
    return [
        {**model.row(item), "corruption": match["corruption"], "severity": int(match["severity"]), "unit": item.unit}
        for model in run.models
        for name, item in model.measurements.items()
        if (match := NAMED.fullmatch(name))
    ]


FRAME = EvidenceFrame("robustness", rows_of)
