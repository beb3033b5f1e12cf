"""What a choice makes of a recipe: another method for the student, and the values of a sweep."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from kdui.catalogue.methods import METHODS, trains_student
from kdui.catalogue.recipe_files import validated
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe, Stage
from kdui.ui.chooser import grouped
from kdui.ui.forms import Knob, drawable, knobs


@cache
def student_forms() -> dict[str, tuple[Knob, ...]]:
    """The knobs of each method that trains a student, in the order of the list."""
    return {method.name: drawable(knobs(method.spec)) for method in grouped(filter(trains_student, METHODS.values()))}


def _changed(stage: Stage, method: str, settings: Mapping[str, Any]) -> Stage:
    """The stage with these settings; one that was called after its method is called after the new one."""
    follows = method != stage.method and re.fullmatch(rf"{re.escape(stage.method)}(-\d+)?", stage.name)
    name = "" if follows else stage.name
    return Stage(method=method, name=name, settings=dict(settings))


def with_distiller(recipe: Recipe, method: str) -> Recipe:
    """The recipe with another method for the student; of its settings, those that both have are kept.

    A recipe without a stage that trains a student stays as it is.
    """
    forms = student_forms()
    place = next((place for place, stage in enumerate(recipe.stages) if stage.method in forms), None)
    if place is None or recipe.stages[place].method == method:
        return recipe
    stage = recipe.stages[place]
    before = {knob.name: knob for knob in forms[stage.method]}
    kept = {
        knob.name: stage.settings[knob.name]
        for knob in forms[method]
        if knob.name in stage.settings and knob.name in before and _alike(knob, before[knob.name])
    }
    stages = list(recipe.stages)
    stages[place] = _changed(stage, method, kept)
    return validated(recipe.model_dump(exclude={"stages"}) | {"stages": stages})


def _alike(one: Knob, other: Knob) -> bool:
    """Whether a value of one means the same to the other."""
    return (one.kind, one.choices, one.title) == (other.kind, other.choices, other.title)


def sweep_values(stage: Stage, knob: Knob, text: str) -> dict[str, list[Any]]:
    """The dotted setting and its values for a sweep over one knob. Raises RecipeError in words."""
    values = list(dict.fromkeys(knob.parse(part) for part in text.replace(";", ",").split(",") if part.strip()))
    if not values:
        raise RecipeError(f"{knob.title}: write the values to try, separated by commas.")
    return {f"{stage.name}.{knob.name}": values}


def sweep_seeds(recipe: Recipe, seeds: int) -> dict[str, list[Any]]:
    """The seeds of a sweep, from the recipe's own upwards; nothing for one. Raises RecipeError in words."""
    if not 1 <= seeds <= 20:
        raise RecipeError(f"Seeds: choose 1 to 20 repeats of each value instead of {seeds}.")
    return {"seed": [recipe.seed + offset for offset in range(seeds)]} if seeds > 1 else {}
