"""Recipes as YAML: the built-in ones, those a person saved, and any file."""

import contextlib
import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kdui.catalogue.methods import stage_faults
from kdui.catalogue.references import anchored_plain
from kdui.catalogue.yaml_text import Document, Place, read_file, read_yaml, write_yaml
from kdui.core.bounds import fault
from kdui.core.errors import KduiError, RecipeError, UnknownName
from kdui.core.plain import digests_in
from kdui.core.recipe import Recipe, Stage
from kdui.settings import Settings
from kdui.store.artifacts import fsync

BUILT_IN = Path(__file__).parent / "recipes"
CLASS_BOARD = Path(__file__).parent / "class_board.yaml"
FIRST_START = "few-labels"  # what an empty store begins with; `quickstart` was that before, and published commands name it
MOST_FAULTS = 10  # in one message


def parse_recipe(text: str, place: str = "The recipe", folder: Path | None = None) -> Recipe:
    """A recipe from YAML or JSON text; relative paths in it mean ``folder``. Raises RecipeError with lines."""
    document = read_yaml(text, place)
    if not isinstance(document.data, dict):
        kind = "empty" if document.data is None else f"a {type(document.data).__name__}"
        raise RecipeError(f"{place} must be a mapping with task, teacher, student and stages, but it is {kind}.")
    recipe = validated(document.data if folder is None else anchored_plain(document.data, folder), place, document)
    faults = [words for number, stage in enumerate(recipe.stages) for words in _stage_faults(document, number, stage)]
    if faults:
        raise RecipeError(f"{place} cannot be used. {'; '.join(faults)}.")
    return recipe


def _stage_faults(document: Document, number: int, stage: Stage) -> list[str]:
    """What is wrong with a stage's settings, each with its line."""
    at: Place = ("stages", number)
    try:
        knob_faults = stage_faults(stage)
    except UnknownName as error:
        knob = next((part for part in (stage.method, "settings") if (*at, part, error.name) in document.lines), "")
        return [_in_line(document, (*at, knob, error.name), str(error).rstrip("."))]
    inner = "settings" if (*at, "settings") in document.lines else stage.method
    return [_in_line(document, (*at, inner, knob), words) for knob, words in knob_faults]


def _in_line(document: Document | None, place: Place, words: str) -> str:
    line = document.line(place) if document else None
    return f"line {line}: {words}" if line else words


def validated(data: dict[str, Any], place: str = "The recipe", document: Document | None = None) -> Recipe:
    """A recipe from plain data; every fault in one message, with its line where the data were read from a document."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        faults = [_in_line(document, item["loc"], fault(Recipe, item)) for item in error.errors()[:MOST_FAULTS]]
        raise RecipeError(f"{place} cannot be used. {'; '.join(faults)}.") from None


def dump_recipe(recipe: Recipe) -> str:
    """The YAML that ``parse_recipe`` reads back to an equal recipe."""
    data = recipe.plain()
    stages = "".join(f"  - {_stage_line(stage)}\n" for stage in data.pop("stages"))
    return _block(json.dumps(data)) + "stages:\n" + stages


def _stage_line(stage: Any) -> str:
    if isinstance(stage, str):
        return stage
    if "method" in stage:
        return _flow(json.dumps(stage))
    ((method, settings),) = stage.items()
    return f"{method}: {_flow(json.dumps(settings))}"


# YAML's writer takes a millisecond for each, and a turn of a knob changes one of them.
@lru_cache(maxsize=1024)
def _block(mapping: str) -> str:
    """A mapping, given as JSON, with an entry on each line."""
    return write_yaml(json.loads(mapping), width=110)


@lru_cache(maxsize=1024)
def _flow(mapping: str) -> str:
    """A mapping, given as JSON, on one line."""
    plain = json.loads(mapping)
    return write_yaml(plain, default_flow_style=True, width=10_000).strip()


@cache
def class_board_recipe() -> Recipe:
    """What a class's board runs, before a participant turns anything."""
    return parse_recipe(read_file(CLASS_BOARD), CLASS_BOARD.name)


def recipe_files(settings: Settings) -> dict[str, Path]:
    """Name -> file: built-in recipes, then the person's own, which may take a built-in name."""
    return _built_in() | {path.stem: path for path in sorted(settings.recipes.glob("*.yaml"))}


@cache
def _built_in() -> dict[str, Path]:
    """Those that come with kdui do not change while it runs: the page asks for them several times at each turn of a knob."""
    files = {path.stem: path for path in sorted(BUILT_IN.glob("*.yaml"))}
    return {"quickstart": files.pop("quickstart"), **files}


def known_recipes(settings: Settings) -> tuple[dict[str, Recipe], dict[str, str]]:
    """Name -> recipe of all that can be used, and name -> reason of those that cannot: one broken file stops no other."""
    usable: dict[str, Recipe] = {}
    broken: dict[str, str] = {}
    for name, path in recipe_files(settings).items():
        try:
            usable[name] = _read(path)
        except RecipeError as error:
            broken[name] = str(error)
    return usable, broken


def read_recipe(name: str, settings: Settings) -> Recipe:
    """A recipe by its name or by the path of a file; raises UnknownName with the nearest."""
    known = recipe_files(settings)
    if name in known:
        return _read(known[name])
    path = Path(name).expanduser() if len(name) < 4096 and "\0" not in name else Path()
    if path.suffix not in (".yaml", ".yml", ".json") or not path.is_file():
        raise UnknownName("recipe", name, known)
    return _read(path)


def _read(path: Path) -> Recipe:
    if path.parent == BUILT_IN:
        return _read_built_in(path)
    recipe = _parsed(read_file(path), path.name, path.absolute().parent)
    if isinstance(recipe, str):
        raise RecipeError(recipe)
    return recipe


@cache
def _read_built_in(path: Path) -> Recipe:
    return parse_recipe(read_file(path), path.name)


@lru_cache(maxsize=256)
def _parsed(text: str, place: str, folder: Path) -> Recipe | str:
    """The recipe, or why it cannot be used: the page asks for every known one at each turn of a knob, and texts hardly change."""
    try:
        return parse_recipe(text, place, folder)
    except RecipeError as error:
        return str(error)


class AlreadySaved(RecipeError):
    """There is a recipe of that name, and nobody said that it may be replaced."""


def save_recipe(recipe: Recipe, name: str, settings: Settings, *, replace: bool = True) -> str:
    """Keep a recipe under a name made of letters, digits and dashes; returns that name."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    if not slug:
        raise RecipeError("Give the recipe a name with at least one letter or digit.")
    if (BUILT_IN / f"{slug}.yaml").exists():
        raise RecipeError(f"'{slug}' is a built-in recipe. Choose another name.")
    if not replace and (settings.recipes / f"{slug}.yaml").exists():
        raise AlreadySaved(f"You have saved a recipe as '{slug}' before. Replace it, or choose another name.")
    temporary = settings.recipes / f"{slug}.yaml.part"
    try:
        settings.recipes.mkdir(parents=True, exist_ok=True)
        temporary.write_text(dump_recipe(recipe), encoding="utf-8")
        fsync(temporary)
        temporary.rename(settings.recipes / f"{slug}.yaml")
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise KduiError(f"The recipe could not be saved in {settings.recipes}: {error.strerror}.") from None
    return slug


def named_artifacts(settings: Settings) -> set[str]:
    """The digests that a person's own recipes name; a file that is no recipe yet may be one tomorrow, so its text is enough."""
    digests: set[str] = set()
    for path in settings.recipes.glob("*.yaml"):
        with contextlib.suppress(OSError):
            digests |= digests_in(path.read_text(encoding="utf-8", errors="replace"))
    return digests
