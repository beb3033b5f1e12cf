"""What a person does with recipes: find them, keep them, and see what they would run."""

from pathlib import Path

from kdui.catalogue import recipe_files
from kdui.catalogue.compatibility import KnownUnfit
from kdui.catalogue.defaults import default_recipe
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.references import anchored, anchored_ref
from kdui.catalogue.tasks import own_task, with_own_data
from kdui.core.errors import UnknownName
from kdui.core.own_names import own_path
from kdui.core.people import Role, acting, require
from kdui.core.plan import Planned
from kdui.core.recipe import Recipe
from kdui.settings import Settings
from kdui.workbench.command_line import command_of


class RecipeActions:
    """The part of the workbench that reads, plans and keeps recipes."""

    settings: Settings
    folder: Path  # what relative paths mean to whoever started this
    _unfit: KnownUnfit

    @property
    def _reading(self) -> Settings:
        """The settings under which who acts may look at models: whoever only looks has nothing downloaded."""
        return self.settings if acting().may(Role.RUNNER) else self.settings.model_copy(update={"offline": True})

    def recipes(self) -> list[Recipe]:
        """Built-in recipes, then saved ones; those whose file cannot be used are among ``broken_recipes``."""
        return list(recipe_files.known_recipes(self.settings)[0].values())

    def recipe_names(self) -> list[str]:
        """Their names, in the same order."""
        return list(recipe_files.known_recipes(self.settings)[0])

    def broken_recipes(self) -> dict[str, str]:
        """Name -> reason of the files among the person's own recipes that cannot be used."""
        return recipe_files.known_recipes(self.settings)[1]

    def recipe(self, name_or_path: str) -> Recipe:
        """A recipe by its name; by the path of a file only where recipes may name any."""
        if self.settings.own_files_only and name_or_path not in (known := recipe_files.recipe_files(self.settings)):
            raise UnknownName("recipe", name_or_path, known)
        return recipe_files.read_recipe(name_or_path, self.settings)

    def default_recipe(self, task: str, teacher: str | None = None, student: str | None = None) -> Recipe:
        """The recipe that a person begins with; an empty ``teacher`` means none (see ``catalogue.defaults``)."""
        return default_recipe(self.recipes(), own_task(anchored_ref(task, self.folder), self.settings), teacher, student)

    def save_recipe(self, recipe: Recipe, name: str, *, replace: bool = True) -> str:
        """Keep a recipe in the person's own; returns the name to call it by. Raises AlreadySaved where none may be replaced."""
        require(Role.RUNNER, "save recipes")
        return recipe_files.save_recipe(recipe, name, self.settings, replace=replace)

    def parse_recipe(self, yaml_text: str) -> Recipe:
        return recipe_files.parse_recipe(yaml_text, folder=self.folder)

    def recipe_yaml(self, recipe: Recipe) -> str:
        return recipe_files.dump_recipe(recipe)

    def command(self, recipe: Recipe) -> str:
        """What a shell runs the same recipe with: the nearest known one with what differs, else its YAML written to a file."""
        return command_of(recipe, recipe_files.known_recipes(self.settings)[0])

    def plan(self, recipe: Recipe) -> Planned:
        """The recipe with the steps that it will run; raises RecipeError in words when it cannot."""
        if own_path(recipe.task) is not None:
            require(Role.RUNNER, "use data of your own")
        recipe = with_own_data(anchored(recipe, self.folder), self.settings)
        return Planned(recipe, plan_recipe(recipe, self._reading))

    def check(self, recipe: Recipe) -> None:
        """Raise RecipeError in words when the recipe cannot run."""
        self.plan(recipe)

    def unfit_methods(self, recipe: Recipe) -> dict[str, str]:
        """Ways to train the student that do not suit the recipe's models as they stand, each with the reason in words."""
        return self._unfit.of(anchored(recipe, self.folder), self._reading)
