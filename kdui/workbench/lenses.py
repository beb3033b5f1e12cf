"""What the lenses in Build show: the teacher's real answers, the student's real weights, the last run's real curves."""

import json
from typing import Any

from kdui.catalogue.tasks import TASKS
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.store.store import Store

LENS_FILE = "lens.json"


def lens_data(store: Store, recipe: Recipe, plan: list[Step]) -> dict[str, Any]:
    """Data by lens, each with its origin: measured, or none with a sentence that says how to get it."""
    return {
        "temperature": _temperature(store, recipe, plan),
        "weights": _weights(store, recipe, plan),
        "soft_weight": _soft_weight(store, recipe, plan),
    }


def _digest(store: Store, recipe: Recipe, plan: list[Step], role: str) -> tuple[str, bool] | None:
    """The model of this very recipe, else of the newest run with the same models: digest, and whether it is the very one."""
    for step in plan:
        if step.produces == "model" and step.role == role and store.artifacts.has(step.digest):
            return step.digest, True
    model = recipe.teacher if role == "teacher" else recipe.student
    newest = store.runs.newest_step(recipe.task, role, str(model or ""), "model", role)
    return (newest, False) if newest and store.artifacts.has(newest) else None


def _title(recipe: Recipe, plan: list[Step], role: str) -> str:
    """What a person calls the recipe's teacher or student."""
    named = (step.label for step in plan if step.role == role and step.produces == "model" and step.label)
    return next(named, str(recipe.teacher if role == "teacher" else recipe.student))


def _answers(store: Store, recipe: Recipe, plan: list[Step]) -> tuple[str, bool] | None:
    """The kept outputs of the recipe's own teacher, not those of an assistant; intermediate features are no answers."""
    teachers = {step.name for step in plan if step.role == "teacher"}
    for step in plan:
        if step.operation == "teacher_outputs" and step.inputs.get("teacher") in teachers and store.artifacts.has(step.digest):
            return step.digest, True
    newest = store.runs.newest_step(recipe.task, "teacher", str(recipe.teacher or ""), "outputs", None, ending=".outputs")
    return (newest, False) if newest and store.artifacts.has(newest) else None


def _read(store: Store, digest: str) -> dict[str, Any]:
    return json.loads(store.artifacts.open(digest).file(LENS_FILE).read_bytes())


def _temperature(store: Store, recipe: Recipe, plan: list[Step]) -> dict[str, Any]:
    outputs = _answers(store, recipe, plan)
    if outputs is None:
        return {
            "origin": "none",
            "note": "Train a teacher to see its soft labels here.",
            "labels": list(TASKS[recipe.task].labels),
            "examples": [],
        }
    note = f"Predictions of {_title(recipe, plan, 'teacher')} on validation examples" + (
        "" if outputs[1] else ", from an earlier run with other settings"
    )
    return {"origin": "measured", "note": note, **_read(store, outputs[0])}


def _weights(store: Store, recipe: Recipe, plan: list[Step]) -> dict[str, Any]:
    role = "student" if recipe.student else "teacher"
    trained = _digest(store, recipe, plan, role)
    if trained is None:
        return {"origin": "none", "note": "Train this model to see its weights here."}
    note = f"Weights of {_title(recipe, plan, role)}" + ("" if trained[1] else ", from an earlier run with other settings")
    return {"origin": "measured", "note": note, **_read(store, trained[0])}


def _soft_weight(store: Store, recipe: Recipe, plan: list[Step]) -> dict[str, Any]:
    trained = _digest(store, recipe, plan, "student")
    history = store.artifacts.manifest(trained[0]).summary["training"]["history"] if trained else []
    rows = [row for row in history if "train_soft" in row and "train_hard" in row]
    if not rows:
        return {
            "origin": "none",
            "note": "Loss curves appear here after the first distillation run.",
            "epochs": [],
            "soft": [],
            "hard": [],
        }
    return {
        "origin": "measured",
        "note": "Training losses by epoch" + ("" if trained and trained[1] else ", from an earlier run with other settings"),
        "epochs": [row["epoch"] for row in rows],
        "soft": [row["train_soft"] for row in rows],
        "hard": [row["train_hard"] for row in rows],
    }
