"""A sweep: one recipe for each combination of values of its settings."""

import itertools
import math
from typing import Any

from kdui.core.errors import RecipeError
from kdui.core.recipe import MOST_NAME, Recipe

MOST_IN_SWEEP = 200


def sweep_recipes(recipe: Recipe, values: dict[str, list[Any]]) -> list[Recipe]:
    """The recipes, each named by what differs. Raises RecipeError where they are none or too many, before any is built."""
    count = math.prod(len(chosen) for chosen in values.values())
    if not 1 <= count <= MOST_IN_SWEEP:
        raise RecipeError(f"A sweep has 1 to {MOST_IN_SWEEP} runs; this one has {count:,}. Give fewer values.")
    combinations = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    return [recipe.with_values({**chosen, "name": _name(recipe, chosen)}) for chosen in combinations]


def _name(recipe: Recipe, chosen: dict[str, Any]) -> str:
    """What differs stands in full; the recipe's own name is cut where both are too long."""
    values = ", ".join(f"{key}={value}" for key, value in chosen.items())[: MOST_NAME - 4]
    return f"{(recipe.name or recipe.task)[: MOST_NAME - len(values) - 3]} · {values}"
