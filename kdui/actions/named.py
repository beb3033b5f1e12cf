"""What several actions take: a recipe by its name or as YAML, with settings changed; and a run by its id."""

from typing import Annotated, Any, Final

from pydantic import Field

from kdui.core.recipe import Recipe
from kdui.workbench.workbench import Workbench

Given = Annotated[
    str,
    Field(min_length=1, max_length=65_536, description="A recipe's name, as list_recipes gives it, or a recipe as YAML."),
]
Changes = Annotated[
    dict[str, Any], Field(max_length=200, description='Settings to change, e.g. {"distill.temperature": 4, "seed": 1}.')
]
UNCHANGED: Final[dict[str, Any]] = {}  # a default that each action's form copies; nobody changes it
Device = Annotated[str, Field(description="auto, cpu or cuda:N.")]
RunId = Annotated[str, Field(pattern=r"^[\w-]{1,64}$", description="A run's id, as run or list_runs gives it.")]


def recipe_of(bench: Workbench, given: str, settings: dict[str, Any]) -> Recipe:
    """The recipe with its changes; raises RecipeError in words. A text of several lines, or with a colon, is a recipe itself."""
    whole = "\n" in given.strip() or ": " in given or given.lstrip().startswith("{")
    recipe = bench.parse_recipe(given) if whole else bench.recipe(given)
    return recipe.with_values(settings) if settings else recipe
