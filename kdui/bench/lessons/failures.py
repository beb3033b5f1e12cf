"""Recorded runs that went wrong, seed by seed beside their control, for the lesson on failures."""

import json
from typing import Any, NamedTuple

from kdui.catalogue.studies import RESULTS
from kdui.settings import Settings


class Case(NamedTuple):
    """An arm of a recorded table: study, the arm's place, the step that failed and the one to compare it with."""

    name: str
    title: str
    study: str
    arm: int
    step: str
    control: str


CASES = (
    Case("weight", "Relational distillation, β = 25, Reuters topics", "reuters-methods", 12, "relational", "relational.control"),
    Case("adapters", "Adapters of rank 8, Reuters topics", "reuters-methods", 25, "distill", "distill.control"),
    Case(
        "threshold",
        "Pseudo-labels above 0.9, Reuters topics",
        "reuters-tenth-labels",
        0,
        "pseudo_labels",
        "pseudo_labels.control",
    ),
    Case("bits", "Rounded to 2 bits, Fashion-MNIST", "fashion-recovered", 2, "quantize", "teach"),
    Case("transfer", "Trained on mixed images, Fashion-MNIST", "fashion-methods", 13, "transfer_set", "transfer_set.control"),
    Case("generations", "Born again twice, Fashion-MNIST", "fashion-methods", 21, "born_again", "born_again.control"),
)
MOST_FREQUENT = {"reuters": 100 * 1083 / 2189, "fashion": 10.0}  # share of the largest class of the test data, %


def failures(settings: Settings) -> dict[str, Any]:
    """Accuracy of each seed, %, of the failed model and of its control, beside the share of the most frequent class."""
    rows = []
    for case in CASES:
        models = json.loads((RESULTS / f"{case.study}.json").read_text("utf-8"))["arms"][case.arm]["models"]
        failed, control = (_each(models[step]["headline"]) for step in (case.step, case.control))
        share = round(MOST_FREQUENT[case.study.split("-")[0]], 5)
        rows.append({"name": case.name, "title": case.title, "failed": failed, "control": control, "frequent": share})
    return {"title": "Test accuracy by seed, from the recorded studies", "cases": rows}


def _each(values: float | list[float]) -> list[float]:
    return values if isinstance(values, list) else [values]
