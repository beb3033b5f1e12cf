"""Relative paths in references: they mean the folder of the YAML file that names them, or of the person who typed them.

They are made absolute before a recipe is queued, since a worker runs in a folder of its own. What a model is called in the store
does not depend on its path, so this changes no digest.
"""

import os
from pathlib import Path
from typing import Any

from kdui.catalogue.reach import ASSETS, PROJECT
from kdui.core.own_names import HUB, own_path
from kdui.core.recipe import ModelRef, Recipe

FILES = ("folder", "onnx", "csv")
WORDS = ("name", "summary", "title")  # of a recipe: text for people, whatever it begins with


def anchored(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with absolute paths."""
    plain = recipe.model_dump(mode="json")
    absolute = anchored_plain(plain, folder)
    return recipe if absolute == plain else Recipe.model_validate(absolute)


def anchored_ref(text: str, folder: Path) -> str:
    """One reference, or several between commas, in the short form; or a task's data by their path."""
    if own := own_path(text):
        absolute = bool(own.path) and not own.path.startswith(HUB)
        return str(own._replace(path=_absolute(own.path, folder))) if absolute else text
    if not any(f"{kind}:" in text for kind in FILES):
        return text
    return ", ".join(_short(part.strip(), folder) for part in text.split(",")) if "," in text else _short(text, folder)


def anchored_plain(value: Any, folder: Path) -> Any:
    """Plain data of a recipe or a study with the references in it made absolute."""
    if isinstance(value, str):
        return anchored_ref(value, folder)
    if isinstance(value, list):
        return [anchored_plain(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") in FILES and isinstance(value.get("name"), str):
        return {**value, "name": _absolute(value["name"], folder)}
    return {key: item if key in WORDS else anchored_plain(item, folder) for key, item in value.items()}


def _short(text: str, folder: Path) -> str:
    kind, colon, rest = text.partition(":")
    if not (colon and kind in FILES and rest.partition("?")[0]):
        return text
    ref = ModelRef.parse(text)
    name = _absolute(ref.name, folder)
    return text if name == ref.name else str(ref.model_copy(update={"name": name}))


def _absolute(name: str, folder: Path) -> str:
    """Absolute, unless it is a file that comes with kdui (``assets/…``) and not one of that folder."""
    try:
        given = Path(name).expanduser()
    except RuntimeError:  # nobody's home: whoever looks it up says so
        return name
    if given.is_absolute():
        return str(given) if name.startswith("~") else name
    place = os.path.abspath(folder / given)
    shipped = Path(os.path.abspath(PROJECT / given))
    return name if ASSETS in shipped.parents and not os.path.lexists(place) else place
