"""One teacher of digits for all tests of methods: each method trains a student under it for a few epochs."""

from typing import Any

from kdui.core.run import RunState
from tests.engine.digits import Bench

TEACH: dict[str, Any] = {"epochs": 4, "learning_rate": 0.004}
STUDENT: dict[str, Any] = {"epochs": 5, "batch_size": 32, "learning_rate": 0.015, "control": False}


def digits_recipe(method: str, student: str = "cnn-small", teacher: str = "cnn-medium", **settings: Any) -> dict[str, Any]:
    """Teach and one distillation, nothing measured."""
    return {
        "task": "digits",
        "teacher": teacher,
        "student": student,
        "stages": [{"teach": TEACH}, {method: {**STUDENT, **settings}}],
    }


def learned(bench: Bench, recipe: dict[str, Any], stage: str) -> dict[str, Any]:
    """The training summary of the stage's model: ``validation`` in %, ``history``, ``best_epoch``."""
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    step = next(step for step in run.steps if step.name == stage)
    return bench.store.artifacts.manifest(step.digest).summary["training"]
