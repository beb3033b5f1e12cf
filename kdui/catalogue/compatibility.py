"""Which ways to train a student suit a recipe's models."""

from kdui.catalogue.methods import METHODS, trains_student
from kdui.catalogue.planner import plan_recipe
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe, Stage
from kdui.settings import Settings


def unfit_methods(recipe: Recipe, settings: Settings) -> dict[str, str]:
    """The methods that cannot take the place of the one that trains the recipe's student, each with the reason in words.

    Each is planned with its defaults. What stands in the way of all of them is not theirs, and is left out.
    """
    names = [method.name for method in METHODS.values() if trains_student(method)]
    place = next((place for place, stage in enumerate(recipe.stages) if stage.method in names), None)
    if place is None:
        return {}
    before, after = recipe.stages[:place], recipe.stages[place + 1 :]
    reasons: dict[str, str] = {}
    for name in names:
        stage = Stage(method=name, name=name)
        try:
            plan_recipe(recipe.model_copy(update={"stages": (*before, stage, *after)}), settings)
        except RecipeError as problem:
            reasons[name] = str(problem)
    return reasons if len(reasons) < len(names) else {}
