"""Which ways to train a student suit a recipe's models."""

import json
from collections import OrderedDict

from kdui.catalogue.methods import METHODS, trains_student
from kdui.catalogue.planner import plan_recipe
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe, Stage
from kdui.settings import Settings

MOST_KEPT = 256


class KnownUnfit:
    """``unfit_methods`` of the last recipes: Build asks at every turn of a knob, and most turns change nothing of it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, dict[str, str]] = OrderedDict()

    def of(self, recipe: Recipe, settings: Settings) -> dict[str, str]:
        """The same answer, without planning a recipe that differs only in the settings of the method in question."""
        place = _place(recipe)
        if place is None:
            return {}
        stages = [stage.model_dump(mode="json") for number, stage in enumerate(recipe.stages) if number != place]
        read = [settings.offline, settings.own_files_only]  # what decides which models can be looked at
        key = json.dumps([recipe.task, str(recipe.teacher), str(recipe.student), place, stages, read], sort_keys=True)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = unfit_methods(recipe, settings)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found


def _place(recipe: Recipe) -> int | None:
    """Where the stage stands that trains the student."""
    return next((place for place, stage in enumerate(recipe.stages) if trains_student(METHODS[stage.method])), None)


def unfit_methods(recipe: Recipe, settings: Settings) -> dict[str, str]:
    """The methods that cannot take the place of the one that trains the recipe's student, each with the reason in words.

    Each is planned with its defaults. What stands in the way of all of them is not theirs, and is left out.
    """
    place = _place(recipe)
    if place is None:
        return {}
    names = [method.name for method in METHODS.values() if trains_student(method)]
    before, after = recipe.stages[:place], recipe.stages[place + 1 :]
    reasons: dict[str, str] = {}
    for name in names:
        stage = Stage(method=name, name=name)
        try:
            plan_recipe(recipe.model_copy(update={"stages": (*before, stage, *after)}), settings)
        except RecipeError as problem:
            reasons[name] = str(problem)
    return reasons if len(reasons) < len(names) else {}
