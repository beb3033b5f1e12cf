"""Recipes as YAML: the built-in ones, those a person saved, and any file."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from kdui.catalogue.methods import describe_error
from kdui.core.errors import KduiError, RecipeError, UnknownName
from kdui.core.recipe import Recipe
from kdui.settings import Settings

BUILT_IN = Path(__file__).parent / "recipes"


def parse_recipe(text: str, place: str = "The recipe") -> Recipe:
    """A recipe from YAML or JSON text; raises RecipeError that says where and what is wrong."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{place} is not valid YAML{line}: {getattr(error, 'problem', None) or 'it cannot be read'}.") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{place} must be a mapping with task, teacher, student and stages, but it is {type(data).__name__}.")
    return validated(data, place)


# The page asks for every known recipe at each turn of a knob; their texts hardly ever change.
_parsed = lru_cache(maxsize=256)(parse_recipe)


def validated(data: dict[str, Any], place: str = "The recipe") -> Recipe:
    """A recipe from plain data; every fault in one message."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(
            f"{place} cannot be used. " + "; ".join(describe_error("", item) for item in error.errors()) + "."
        ) from None


def dump_recipe(recipe: Recipe) -> str:
    """The YAML that ``parse_recipe`` reads back to an equal recipe."""
    data = recipe.plain()
    stages = "".join(f"  - {_stage_line(stage)}\n" for stage in data.pop("stages"))
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110) + "stages:\n" + stages


def _stage_line(stage: Any) -> str:
    if isinstance(stage, str):
        return stage
    if "method" in stage:
        return _flow(stage)
    ((method, settings),) = stage.items()
    return f"{method}: {_flow(settings)}"


def _flow(value: Any) -> str:
    """A mapping on one line."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()


def recipe_files(settings: Settings) -> dict[str, Path]:
    """Name -> file: built-in recipes, then the person's own, which may take a built-in name."""
    found = {path.stem: path for path in sorted(BUILT_IN.glob("*.yaml"))}
    ordered = {"quickstart": found.pop("quickstart"), **found}
    return ordered | {path.stem: path for path in sorted(settings.recipes.glob("*.yaml"))}


def read_recipe(name: str, settings: Settings) -> Recipe:
    """A recipe by its name or by the path of a file; raises UnknownName with the nearest."""
    known = recipe_files(settings)
    if name in known:
        path = known[name]
    else:
        path = Path(name).expanduser()
        if path.suffix not in (".yaml", ".yml", ".json") or not path.is_file():
            raise UnknownName("recipe", name, known)
    try:
        return _parsed(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} cannot be read: {error}. Choose a YAML file.") from None


def save_recipe(recipe: Recipe, name: str, settings: Settings) -> str:
    """Keep a recipe under a name made of letters, digits and dashes; returns that name."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    if not slug:
        raise RecipeError("Give the recipe a name with at least one letter or digit.")
    if (BUILT_IN / f"{slug}.yaml").exists():
        raise RecipeError(f"'{slug}' is a built-in recipe. Choose another name.")
    try:
        settings.recipes.mkdir(parents=True, exist_ok=True)
        temporary = settings.recipes / f"{slug}.yaml.part"
        temporary.write_text(dump_recipe(recipe), encoding="utf-8")
        temporary.rename(settings.recipes / f"{slug}.yaml")
    except OSError as error:
        raise KduiError(f"The recipe could not be saved in {settings.recipes}: {error.strerror}.") from None
    return slug
