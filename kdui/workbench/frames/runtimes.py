"""The same files in other runtimes: latency in turn with ONNX Runtime's, and whether the predictions are the same."""

import json
import re

from kdui.core.layout import RUNTIMES_FILE
from kdui.core.runner import RUNNERS, USUAL
from kdui.workbench.evidence_frame import EvidenceFrame, Measured, MeasuredRun, Row

COLUMNS = (
    *("step", "role", "label", "value", "low", "high", "n"),
    *("runtime", "usual", "batch", "latency_ms", "usual_ms", "examples", "agreement", "difference", "refused"),
)


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model, further runtime and batch size: ``value`` is ONNX Runtime's latency divided by the other's, from the same
    readings, with its interval; ``refused`` says why there is none."""
    rows: list[Row] = []
    for model in run.models:
        artifact = run.artifact_of(model)
        refused: dict[str, str] = {}
        if artifact is not None and RUNTIMES_FILE in artifact.manifest.files:
            refused = json.loads(artifact.file(RUNTIMES_FILE).read_bytes())
        for name, facts in RUNNERS.items():
            common = {"runtime": facts.title, "usual": RUNNERS[USUAL].title}
            if name in refused:
                rows.append({**model.facts, **common, "refused": refused[name]})
            rows += [{**row, **common, "refused": ""} for row in _measured(model, name)]
    return rows


def _measured(model: Measured, name: str) -> list[Row]:
    """A row for each batch size."""
    timed = {metric: re.fullmatch(rf"speedup_{name}(?:_batch(\d+))?", metric) for metric in model.measurements}
    return [_row(model, name, match[0].removeprefix("speedup_"), int(match[1] or 1)) for match in timed.values() if match]


def _row(model: Measured, name: str, timed: str, batch: int) -> Row:
    speedup, latency = model.measurements[f"speedup_{timed}"], model.measurements[f"latency_{timed}"].value
    return {
        **model.row(speedup),
        "batch": batch,
        "latency_ms": latency,
        "usual_ms": latency * speedup.value,
        "examples": model.measurements[f"agreement_{name}"].provenance.n,
        "agreement": model.measurements[f"agreement_{name}"].value,
        "difference": model.measurements[f"difference_{name}"].value,
    }


FRAME = EvidenceFrame("runtimes", rows_of, COLUMNS)
