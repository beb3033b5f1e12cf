"""Accuracy and size of the models that studies on Fashion-MNIST recorded, for the lesson on the Pareto front."""

import json
from typing import Any, NamedTuple

from kdui.catalogue.studies import RESULTS
from kdui.settings import Settings


class Shown(NamedTuple):
    """A model of a recorded table: study, the arm's place, the step that made it, and what the picture calls it."""

    study: str
    arm: int
    step: str
    title: str


SHOWN = (
    Shown("pipeline-fashion", 0, "teach", "SE-ResNet-18"),
    Shown("pipeline-fashion", 0, "distill", "CNN 93 K"),
    Shown("fashion-small-student", 0, "distill.control", "CNN 93 K, no teacher"),
    Shown("pipeline-fashion", 0, "prune", "CNN 93 K, half pruned"),
    Shown("pipeline-fashion", 0, "codebook", "CNN 93 K, 16 values a layer"),
    Shown("pipeline-fashion", 0, "encode", "CNN 93 K, Huffman-coded"),
    Shown("fashion-low-bits", 0, "teach", "CNN 73 K"),
    Shown("fashion-low-bits", 0, "qat", "CNN 73 K, 4 bits (QAT)"),
    Shown("fashion-low-bits", 1, "qat", "CNN 73 K, 2 bits (QAT)"),
    Shown("fashion-recovered", 0, "quantize", "CNN 73 K, 3 bits rounded"),
    Shown("fashion-recovered", 1, "quantize", "CNN 73 K, 3 bits fine-tuned"),
    Shown("fashion-recovered", 3, "quantize", "CNN 73 K, 2 bits fine-tuned"),
    Shown("deep-compression", 0, "teach", "LeNet-300-100"),
    Shown("deep-compression", 0, "encode", "LeNet, Deep Compression"),
    Shown("fashion-pruned", 0, "teach", "ResNet-8, width 32"),
    Shown("fashion-pruned", 0, "prune_structured", "ResNet-8, half the channels"),
    Shown("fashion-methods", 0, "teach", "CNN large"),
    Shown("fashion-methods", 0, "distill", "ResNet-8 slim"),
)


def front(settings: Settings) -> dict[str, Any]:
    """Of each model: accuracy of every seed, %, the file that runs and the packed one, MB, and its role."""
    tables = {name: json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in {each.study for each in SHOWN}}
    return {
        "title": "Fashion-MNIST, 10,000 test images, from the recorded studies",
        "models": [
            {
                "title": each.title,
                "study": each.study,
                "role": model["role"],
                "seeds": _each(model["headline"]),
                "file": _mean(model["file_mb"]),
                "packed": _mean(model.get("packed_mb") or model["gzip_mb"]),
            }
            for each in SHOWN
            for model in [tables[each.study]["arms"][each.arm]["models"][each.step]]
        ],
    }


def _each(values: float | list[float]) -> list[float]:
    """One value a seed; seeds that share a model have one."""
    return values if isinstance(values, list) else [values]


def _mean(values: float | list[float]) -> float:
    return round(sum(_each(values)) / len(_each(values)), 5)
