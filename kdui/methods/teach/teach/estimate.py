"""Teach: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.catalogue.remote import CHARACTERS
from kdui.catalogue.tasks import TASKS
from kdui.core.recipe import Recipe
from kdui.methods.teach.teach.labelling import TOKENS, labelling


def warnings(settings: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """That a black box is not trained, where a stage would train it, and what asking a remote one takes."""
    if recipe.teacher is None or not recipe.teacher.is_black_box:
        return []
    unused = ["The teacher is a black box and used as it is: the settings of Teach have no effect."] if settings else []
    return [*_requests(recipe), *unused]


def _requests(recipe: Recipe) -> list[str]:
    """How many requests a remote teacher gets at most, and how many tokens they hold; nothing of any other."""
    teacher, task = recipe.teacher, TASKS[recipe.task]
    if teacher is None or teacher.kind != "api" or not task.outputs:  # what writing takes is said by the method that wants it
        return []
    known = [count for count in (int(teacher.options.get("examples") or 0), task.splits.get("train", 0)) if count]
    name = f"{teacher.options.get('model')} at {teacher.name}"
    if not known:
        return [f"{name} gets a request for each training text: the run's log says how many tokens that takes before it begins."]
    count = min(known)
    system = labelling(task, str(teacher.options.get("instruction", ""))).system
    read = count * (len(system) // CHARACTERS + int(task.input.get("max_length", 0)))
    return [
        f"{name} gets at most {count:,} requests, with about {read:,} tokens to read and {count * TOKENS:,} to write at the most "
        "(estimated): texts that it labelled before are not sent again."
    ]
