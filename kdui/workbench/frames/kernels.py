"""Kernels: in which precision a model was really computed."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from kdui.core.layout import KERNELS_FILE
from kdui.workbench.evidence_frame import EvidenceFrame, MeasuredRun, Row


def rows_of(run: MeasuredRun) -> list[Row]:
    """Of each model whose kernels were recorded, a row for each precision that ran in it."""
    rows: list[Row] = []
    for model in run.models:
        artifact = run.artifact_of(model)
        if artifact is not None and KERNELS_FILE in artifact.manifest.files:
            rows += _rows(model.facts, json.loads(artifact.file(KERNELS_FILE).read_bytes()))
    return rows


def _rows(facts: Mapping[str, str], kept: Mapping[str, Any]) -> list[Row]:
    """Each precision's share of time and MACs in %, its nodes, the fallbacks with reasons."""
    rows = []
    for precision in kept["shares"]["time_us"]:
        kernels = [each for each in kept["kernels"] if each["precision"] == precision]
        if not kernels:
            continue
        reasons: dict[str, Counter[str]] = {}  # reason -> operators, the slowest first
        for each in sorted(kernels, key=lambda each: -each["time_us"]):
            if reason := each["reason"].replace(f" for {each['op']} in ", " in "):
                reasons.setdefault(reason, Counter())[each["op"]] += 1
        rows.append(
            {
                **facts,
                "precision": precision,
                "time": 100 * kept["shares"]["time_us"][precision],
                "macs": 100 * kept["shares"]["macs"][precision],
                "time_us": sum(each["time_us"] for each in kernels),
                "nodes": len(kernels),
                "fallbacks": [f"{_counted(operators)}: {reason}" for reason, operators in reasons.items()],
                "fusions": [f"{count} × {name}" for name, count in kept["fusions"].items()],
            }
        )
    return rows


def _counted(operators: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in operators.items())


COLUMNS = ("step", "role", "label", "precision", "time", "macs", "time_us", "nodes", "fallbacks", "fusions")
FRAME = EvidenceFrame("kernels", rows_of, COLUMNS)
