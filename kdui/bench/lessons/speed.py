"""Raw latencies of one file timed as if it were two, for the lesson on measuring speed."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.core.layout import MODEL_FILE
from kdui.core.recipe import Recipe
from kdui.methods.deliver.measure.samples import timed_sample
from kdui.runtime.timing_process import Reader, pin
from kdui.settings import Settings

RECIPE: dict[str, Any] = {
    "task": "fashion-mnist",
    "teacher": "resnet-8?width=32&stages=4",
    "stages": [{"teach": {"epochs": 0}}, "export"],
}
READINGS, BATCH = 200, 16  # answers long enough to be interrupted, as those of a real model are


def speed(settings: Settings) -> dict[str, Any]:
    """Milliseconds of each answer from the first one on: all of A and then all of B, and A and B answer by answer.

    Another program starts to compute on the same core once A is timed, as happens on a machine that people share.
    """
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, RECIPE["task"])
        steps = laboratory.plan(Recipe.model_validate(RECIPE))
        model = laboratory.make(steps, "export.teach")
        sample = timed_sample(laboratory.context(steps, "export.teach", home.home), model, BATCH)
        pin(1)
        first = _reader(str(model.file(MODEL_FILE)), sample)
        after = {"a": [first() for _ in range(READINGS)]}
        with _competitor():
            second = _reader(str(model.file(MODEL_FILE)), sample)
            after["b"] = [second() for _ in range(READINGS)]
            pairs = [(first(), second()) for _ in range(READINGS)]
    turns = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    return {
        "title": f"A and B are the same file, ResNet-8 of width 32 on 28 × 28 pixels; ONNX Runtime, one thread, batch {BATCH}",
        "after": {name: _rounded(values) for name, values in after.items()},
        "turns": {name: _rounded(values) for name, values in turns.items()},
    }


def _reader(path: str, sample: dict[str, np.ndarray]) -> Callable[[], float]:
    """What times one answer, ms; the session is opened anew, so its first answers are cold."""
    return Reader(path, 1, "cpu").of(sample)


@contextlib.contextmanager
def _competitor() -> Iterator[None]:
    """A process that computes on the core of this one, which it inherits."""
    process = subprocess.Popen([sys.executable, "-c", "while True: sum(range(10_000))"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 4) for value in values]
