"""The same files in other runtimes: latency in turn with ONNX Runtime's, and whether the predictions are the same."""

import json

from kdui.core.layout import RUNTIMES_FILE
from kdui.core.runner import RUNNERS, USUAL
from kdui.workbench.evidence_frame import EvidenceFrame, Measured, MeasuredRun, Row

COLUMNS = (
    *("step", "role", "label", "value", "low", "high", "n"),
    *("runtime", "usual", "latency_ms", "usual_ms", "agreement", "difference", "refused"),
)


def rows_of(run: MeasuredRun) -> list[Row]:
    """A row a model and further runtime: ``value`` is ONNX Runtime's latency divided by the other's, from the same readings, with
    its interval; ``refused`` says why there is none."""
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
            elif f"speedup_{name}" in model.measurements:
                rows.append({**_measured(model, name), **common, "refused": ""})
    return rows


def _measured(model: Measured, name: str) -> Row:
    speedup, latency = model.measurements[f"speedup_{name}"], model.measurements[f"latency_{name}"].value
    return {
        **model.row(speedup),
        "latency_ms": latency,
        "usual_ms": latency * speedup.value,
        "agreement": model.measurements[f"agreement_{name}"].value,
        "difference": model.measurements[f"difference_{name}"].value,
    }


FRAME = EvidenceFrame("runtimes", rows_of, COLUMNS)
