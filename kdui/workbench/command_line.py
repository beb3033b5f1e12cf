"""What a shell runs a recipe with."""

from collections.abc import Mapping

from kdui.catalogue.recipe_files import dump_recipe
from kdui.core.recipe import Recipe
from kdui.workbench.stored_rows import as_argument, differences


def command_of(recipe: Recipe, known: Mapping[str, Recipe]) -> str:
    """The nearest known recipe with what differs, else the recipe's YAML written to a file; ``known``: recipes by their names."""
    near = {name: changes for name in known if (changes := differences(known[name], recipe)) is not None}
    if near:
        name = min(near, key=lambda each: len(near[each]))
        settings = (f"--set {as_argument(key, value)}" for key, value in near[name].items())
        return " ".join([f"python app.py run {name}", *settings])
    return f"cat > recipe.yaml <<'END_OF_RECIPE'\n{dump_recipe(recipe)}END_OF_RECIPE\npython app.py run recipe.yaml"
