"""Build's choices as a recipe: the base recipe keeps what the form does not show, the form overrides the rest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdui.catalogue.recipe_files import validated
from kdui.core.errors import RecipeError
from kdui.core.recipe import ModelRef, Recipe, Stage
from kdui.ui.forms import Knob


@dataclass(frozen=True)
class Choices:
    """What the form says. ``stages``: method -> settings that differ from the defaults, or None where it is switched off."""

    task: str
    teacher: str
    student: str
    seed: float
    stages: Mapping[str, Mapping[str, Any] | None]


def compose(base: Recipe, choices: Choices, order: Mapping[str, int]) -> Recipe:
    """The base recipe with the form's choices; ``order`` is each method's place. Raises RecipeError in words."""
    student = None if choices.stages.get("distill", {}) is None else _model(choices.student, "student")
    stages: list[Stage] = []
    seen: set[str] = set()
    for stage in base.stages:
        wanted = choices.stages.get(stage.method, stage.settings)
        if wanted is None:
            continue
        first = stage.method in choices.stages and stage.method not in seen
        stages.append(stage.model_copy(update={"settings": dict(wanted)}) if first else stage)
        seen.add(stage.method)
    for method, settings in choices.stages.items():
        if settings is not None and method not in seen:
            stages.append(Stage(method=method, settings=dict(settings)))
    stages.sort(key=lambda stage: order.get(stage.method, 0))
    if not stages:
        raise RecipeError("Nothing is left to do: switch at least one step on.")
    kept = base.model_dump(exclude={"stages", "task", "teacher", "student", "seed"})
    teacher = _model(choices.teacher, "teacher")
    return validated(
        kept | {"task": choices.task, "seed": choices.seed, "teacher": teacher, "student": student, "stages": stages}
    )


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
    return Recipe.model_validate(json.loads(text))


def sweep_values(recipe: Recipe, method: str, knob: Knob, text: str, seeds: int) -> dict[str, list[Any]]:
    """Dotted settings and their values for a sweep over one knob and several seeds. Raises RecipeError in words."""
    stage = next((stage for stage in recipe.stages if stage.method == method), None)
    if stage is None:
        raise RecipeError(f"This recipe has no '{method}' step: switch it on before you sweep its settings.")
    values = list(dict.fromkeys(knob.parse(part) for part in text.replace(";", ",").split(",") if part.strip()))
    if not values:
        raise RecipeError(f"{knob.title}: write the values to try, separated by commas.")
    if not 1 <= seeds <= 20:
        raise RecipeError(f"Seeds: choose 1 to 20 repeats of each value instead of {seeds}.")
    swept: dict[str, list[Any]] = {f"{stage.name}.{knob.name}": values}
    if seeds > 1:
        swept["seed"] = [recipe.seed + offset for offset in range(seeds)]
    return swept
