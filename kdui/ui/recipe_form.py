"""Build's choices as a recipe: the base recipe keeps what the form does not show, the form overrides the rest."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdui.catalogue.defaults import NO_TEACHER
from kdui.catalogue.recipe_files import validated
from kdui.core.errors import RecipeError
from kdui.core.recipe import ModelRef, Recipe, Stage
from kdui.ui.forms import Knob


@dataclass(frozen=True)
class Choices:
    """What the form says; an empty ``teacher`` means none.

    ``stages``: method -> settings that differ from the defaults, or None where it is switched off.

    Of ``distillers``, the methods that train a student, at most one has settings: it takes the place of any other in the recipe.
    """

    task: str
    teacher: str | None
    student: str | None
    seed: float
    stages: Mapping[str, Mapping[str, Any] | None]
    distillers: Collection[str] = ("distill",)


def compose(base: Recipe, choices: Choices, order: Mapping[str, int]) -> Recipe:
    """The base recipe with the form's choices; ``order`` is each method's place. Raises RecipeError in words."""
    said = [name for name in choices.stages if name in choices.distillers]
    chosen = next((name for name in said if choices.stages[name] is not None), None)
    student = None if said and chosen is None else _model(choices.student, "student")
    stages: list[Stage] = []
    seen: set[str] = set()
    for stage in base.stages:
        method = chosen if chosen and stage.method in choices.distillers else stage.method
        wanted = choices.stages.get(method, stage.settings)
        if wanted is None:
            continue
        stages.append(stage if method in seen else _changed(stage, method, wanted))
        seen.add(method)
    for method, settings in choices.stages.items():
        if settings is not None and method not in seen:
            stages.append(Stage(method=method, settings=dict(settings)))
    stages.sort(key=lambda stage: order.get(stage.method, 0))
    if not stages:
        raise RecipeError("Nothing is left to do: switch at least one step on.")
    kept = base.model_dump(exclude={"stages", "task", "teacher", "student", "seed"})
    teacher = None if choices.teacher == NO_TEACHER else _model(choices.teacher, "teacher")
    return validated(
        kept | {"task": choices.task, "seed": choices.seed, "teacher": teacher, "student": student, "stages": stages}
    )


def _changed(stage: Stage, method: str, settings: Mapping[str, Any]) -> Stage:
    """The stage with these settings; one that was called after its method is called after the new one."""
    follows = method != stage.method and re.fullmatch(rf"{re.escape(stage.method)}(-\d+)?", stage.name)
    name = "" if follows else stage.name
    return Stage(method=method, name=name, settings=dict(settings))


def with_distiller(recipe: Recipe, method: str, forms: Mapping[str, Sequence[Knob]]) -> Recipe:
    """The recipe with another method for the student; of its settings, those that both have are kept.

    ``forms``: the knobs of each method that trains a student. A recipe without such a stage stays as it is.
    """
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


def _model(text: str | None, role: str) -> ModelRef:
    if not text:
        raise RecipeError(f"Pick a {role}, or write hub:OWNER/NAME or folder:PATH.")
    return ModelRef.parse(text)


def settings_of(recipe: Recipe, method: str) -> dict[str, Any] | None:
    """Settings of the first stage of a method; None where the recipe has none."""
    return next((stage.settings for stage in recipe.stages if stage.method == method), None)


def pack(recipe: Recipe) -> str:
    """A recipe as the text that the page keeps in a hidden field."""
    return json.dumps(recipe.plain(), ensure_ascii=False)


def unpack(text: str) -> Recipe:
    """The recipe in that text; raises RecipeError where it is none."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise RecipeError("The form has lost its recipe: choose one under Start from.")
    return validated(plain)


def sweep_values(recipe: Recipe, method: str, knob: Knob, text: str) -> dict[str, list[Any]]:
    """The dotted setting and its values for a sweep over one knob. Raises RecipeError in words."""
    stage = next((stage for stage in recipe.stages if stage.method == method), None)
    if stage is None:
        raise RecipeError(f"This recipe has no '{method}' step: switch it on before you sweep its settings.")
    values = list(dict.fromkeys(knob.parse(part) for part in text.replace(";", ",").split(",") if part.strip()))
    if not values:
        raise RecipeError(f"{knob.title}: write the values to try, separated by commas.")
    return {f"{stage.name}.{knob.name}": values}


def sweep_seeds(recipe: Recipe, seeds: int) -> dict[str, list[Any]]:
    """The seeds of a sweep, from the recipe's own upwards; nothing for one. Raises RecipeError in words."""
    if not 1 <= seeds <= 20:
        raise RecipeError(f"Seeds: choose 1 to 20 repeats of each value instead of {seeds}.")
    return {"seed": [recipe.seed + offset for offset in range(seeds)]} if seeds > 1 else {}
