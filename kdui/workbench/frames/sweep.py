"""Latency by batch size, threads and length, out of the measurements' names."""

import re

from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row

NAMED = re.compile(r"latency\.batch(?P<batch>\d+)\.threads(?P<threads>\w+?)(\.tokens(?P<tokens>\d+))?")


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model and setting; ``tokens`` is 0 where inputs have no length."""
    return [
        {
            **model.row(item),
            "batch": int(match["batch"]),
            "threads": match["threads"],
            "tokens": int(match["tokens"]) if match["tokens"] else 0,
        }
        for model in run.models
        for name, item in model.measurements.items()
        if (match := NAMED.fullmatch(name))
    ]


FRAME = EvidenceFrame("sweep", rows_of)
