"""Students of several sizes under one teacher, and which test images each of them gets wrong, for the lesson on capacity."""

import base64
from typing import Any

import numpy as np

from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.bench.lessons.outputs import test_logits, whole
from kdui.core.recipe import Recipe
from kdui.models.module_store import load_model
from kdui.models.size import count_parameters
from kdui.problems.softmax import softmax
from kdui.settings import Settings

WIDTHS = (1, 2, 3, 4, 6, 8, 16)  # channels of the first of two convolutions
SEEDS = tuple(range(5))
SHOWN = 40  # images that the picture shows


def recipe(width: int, seed: int) -> Recipe:
    """One student under the one teacher that all sizes and seeds share."""
    distill = {"epochs": 20, "batch_size": 64, "learning_rate": 0.01, "temperature": 4, "soft_weight": 0.5}
    stages = [{"teach": {"epochs": 15, "learning_rate": 0.004}}, {"distill": distill}]
    student = f"cnn-tiny?width={width}"
    return Recipe.model_validate({"task": "digits", "teacher": "cnn-medium", "student": student, "seed": seed, "stages": stages})


def capacity(settings: Settings) -> dict[str, Any]:
    """Accuracy, %, of students and controls [widths][seeds], and by test image how many of the seeds are right [widths]."""
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, "digits")
        data = whole(laboratory)
        targets = data.targets("test")

        def right(width: int, seed: int, name: str) -> np.ndarray:
            model = laboratory.make(laboratory.plan(recipe(width, seed)), name)
            return test_logits(laboratory, data, model).argmax(1) == targets

        def parameters(width: int) -> int:
            return count_parameters(load_model(laboratory.make(laboratory.plan(recipe(width, 0)), "distill").path)[0])

        students = np.array([[right(width, seed, "distill") for seed in SEEDS] for width in WIDTHS])  # [widths, seeds, n]
        controls = np.array([[right(width, seed, "distill.control") for seed in SEEDS] for width in WIDTHS])
        sizes = [parameters(width) for width in WIDTHS]
        teacher = laboratory.make(laboratory.plan(recipe(WIDTHS[0], 0)), "teach")
        logits, teacher_size = test_logits(laboratory, data, teacher), count_parameters(load_model(teacher.path)[0])
    return {
        "title": f"Digits, {len(targets)} test images, {len(SEEDS)} seeds; teacher CNN medium, students of two convolutions",
        "n": len(targets),
        "seeds": len(SEEDS),
        "parameters": sizes,
        "teacher": {"parameters": teacher_size, "accuracy": round(float(100 * np.mean(logits.argmax(1) == targets)), 3)},
        "student": np.round(100 * students.mean(2), 3).tolist(),
        "control": np.round(100 * controls.mean(2), 3).tolist(),
        "lost": [int(each) for each in (2 * students.sum(1) < len(SEEDS)).sum(1)],
        "examples": _examples(students.sum(1), targets, softmax(logits, 1), data.splits["test"].inputs),
    }


def _examples(right: np.ndarray, targets: np.ndarray, probabilities: np.ndarray, pictures: Any) -> list[dict[str, Any]]:
    """Images from hard to easy, evenly over those that any student got wrong; ``right`` [widths, n]: seeds that are right."""
    total = right.sum(0)
    ever = np.flatnonzero(total < len(SEEDS) * len(WIDTHS))
    order = ever[np.argsort(total[ever], kind="stable")]
    chosen = order[np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int)]
    return [
        {
            "truth": int(targets[at]),
            "teacher": round(float(probabilities[at, targets[at]]), 3),
            "right": right[:, at].tolist(),
            "image": base64.b64encode(np.asarray(pictures[at], np.uint8).tobytes()).decode(),
        }
        for at in chosen
    ]
