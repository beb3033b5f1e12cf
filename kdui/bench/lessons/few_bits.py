"""One network at few bits, rounded and trained under rounding, for the lesson on both."""

import json
from typing import Any, NamedTuple

from kdui.catalogue.studies import RESULTS
from kdui.settings import Settings


class Point(NamedTuple):
    """An arm of a recorded table: study, the arm's place, the step; ``guess``: whether the reader guesses it first."""

    name: str
    title: str
    study: str
    arm: int
    step: str
    guess: bool


POINTS = (
    Point("qat4", "4 bits, QAT", "fashion-low-bits", 0, "qat", False),
    Point("ptq3", "3 bits, rounded", "fashion-recovered", 0, "quantize", True),
    Point("tuned3", "3 bits, fine-tuned", "fashion-recovered", 1, "quantize", False),
    Point("ptq2", "2 bits, rounded", "fashion-recovered", 2, "quantize", True),
    Point("tuned2", "2 bits, fine-tuned", "fashion-recovered", 3, "quantize", True),
    Point("qat2", "2 bits, QAT", "fashion-low-bits", 1, "qat", False),
)


def few_bits(settings: Settings) -> dict[str, Any]:
    """Accuracy of each seed, %, beside the whole network's."""
    tables = {name: json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in {each.study for each in POINTS}}
    rows = []
    for point in POINTS:
        headline = tables[point.study]["arms"][point.arm]["models"][point.step]["headline"]
        kind = "compressed" if point.title.endswith("rounded") else "student"
        seeds = headline if isinstance(headline, list) else [headline]
        rows.append({"name": point.name, "title": point.title, "kind": kind, "guess": point.guess, "seeds": seeds})
    whole = tables["fashion-recovered"]["arms"][0]["models"]["teach"]["headline"]
    return {"title": "CNN 73 K on Fashion-MNIST, from the recorded studies", "whole": whole, "chance": 10, "points": rows}
