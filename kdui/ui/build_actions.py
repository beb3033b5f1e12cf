"""Build's buttons: queue one run or a sweep, and keep the recipe under a name."""

from collections.abc import Mapping
from functools import partial
from html import escape
from math import prod
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kdui.catalogue.methods import METHODS, trains_student
from kdui.catalogue.recipe_files import AlreadySaved
from kdui.catalogue.yaml_text import read_value
from kdui.charts.gains import method_gains, seeds_sentence
from kdui.charts.sweep_map import title_of
from kdui.core.errors import RecipeError
from kdui.core.family import Axis
from kdui.core.method import Group
from kdui.core.plain import Frozen
from kdui.core.recipe import Recipe, Stage
from kdui.core.search import SearchSpec
from kdui.ui.build_changes import State, recipe_of
from kdui.ui.forms import Knob, knobs
from kdui.ui.recipe_form import sweep_seeds, sweep_values
from kdui.workbench.sweep import axis_of

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

NEVER_SWEPT = ("control", "smooth_control", "cache_teacher")  # they change what is kept or measured beside, not the student

MOST_SEARCHED = 30  # settings of one search


class Sweep(Frozen):
    """Values of one setting, or each of them with each value of a second one; ``knob`` and ``second`` are STEP.FIELD."""

    knob: str = ""
    values: str = ""
    second: str = ""
    second_values: str = ""
    seeds: float = Field(default=1, allow_inf_nan=False)
    effect: float | None = None


def queued(bench: "Workbench", state: State) -> str:
    """Queue one run; says so with a link to it."""
    run = bench.submit(recipe_of(state), state.device)
    return _done(f"Queued “{escape(run.name)}”", run.id)


def queued_sweep(bench: "Workbench", state: State, sweep: Sweep) -> str:
    """Queue all runs of a sweep; says how many."""
    family = bench.families.grid(*grid(bench, recipe_of(state), sweep), state.device)
    count = len(bench.families.runs(family.id))
    words = f"{count} runs queued" if count > 1 else "1 run queued"
    return f'<div class="win" role="status">{words} · <a href="?tab=runs&amp;family={escape(family.id)}&amp;run=">Watch</a></div>'


def saved(bench: "Workbench", state: State, name: str, *, replace: bool) -> dict[str, Any]:
    """Keep the recipe; ``{"said": words, "start": its name}``, or ``taken`` where one of that name must be replaced knowingly."""
    if not name.strip():
        raise RecipeError("Give the recipe a name first.")
    try:
        recipe = recipe_of(state).model_copy(update={"name": name.strip()})
        slug = bench.save_recipe(recipe, name.strip(), replace=replace)
    except AlreadySaved as problem:
        return {"taken": str(problem)}
    words = f'<div class="win" role="status">Saved as “{escape(slug)}”. You find it under “Start from”.</div>'
    return {"said": words, "start": slug, "name": name.strip()}


def sweep_choices(recipe: Recipe) -> list[tuple[str, str]]:
    """Dotted name and title of what can be swept; knobs with a lens first, because those are the ones that people sweep."""
    listed = _swept(recipe)
    listed.sort(key=lambda item: (item[1].advanced, not item[1].lens, not trains_student(METHODS[item[0].method])))
    return [(f"{stage.name}.{knob.name}", f"{_step_title(stage)} · {knob.title}") for stage, knob in listed]


def search_suggestion(recipe: Recipe) -> str:
    """Lines for a search's dialog: the settings with a lens over the range that their forms give."""
    ranges = [
        f"{stage.name}.{knob.name} = {_shown(knob.minimum, knob)}..{_shown(knob.maximum, knob)}"
        for stage, knob in _swept(recipe)
        if knob.lens and knob.minimum is not None and knob.maximum is not None
    ]
    return "\n".join(ranges)


def _shown(end: float, knob: Knob) -> str:
    return f"{knob.setting(end):g}"


def _swept(recipe: Recipe) -> list[tuple[Stage, Knob]]:
    return [
        (stage, knob)
        for stage in recipe.stages
        if METHODS[stage.method].group is not Group.DELIVER
        for knob in knobs(METHODS[stage.method].spec)
        if knob.name not in NEVER_SWEPT
    ]


def _step_title(stage: Stage) -> str:
    return METHODS[stage.method].title if stage.name == stage.method else stage.name


def grid(bench: "Workbench", recipe: Recipe, sweep: Sweep) -> tuple[Recipe, dict[str, list[Any]]]:
    """The recipe and the values to try, each checked by itself; raises RecipeError in words."""
    if sweep.second and sweep.second == sweep.knob:
        raise RecipeError("A grid needs two different settings: choose another one for 'With each value of'.")
    values: dict[str, list[Any]] = {}
    for key, text in ((sweep.knob, sweep.values), *([(sweep.second, sweep.second_values)] if sweep.second else [])):
        values |= sweep_values(*_find(recipe, key), text)
    for name, each in values.items():
        for value in each:
            bench.check(recipe.with_values({name: value}))
    return recipe, values | sweep_seeds(recipe, int(sweep.seeds or 1))


def knob_values(recipe: Recipe, name: str, text: str) -> dict[str, list[Any]]:
    """Typed values of one dotted setting, of an option of a model or of the seed; raises RecipeError in words."""
    if name.partition(".")[0] in [stage.name for stage in recipe.stages]:
        return sweep_values(*_find(recipe, name), text)
    return {name: list(axis_of(name, text, lambda part: read_value(part.strip(), title_of(name))).values)}


def searched_axes(recipe: Recipe, text: str) -> list[Axis]:
    """The settings that a search varies, one a line: ``distill.temperature = 1..8``; raises RecipeError in words."""
    axes = {}
    for line in filter(str.strip, text.splitlines()[:MOST_SEARCHED]):
        name, sign, values = (part.strip() for part in line.partition("="))
        if not (name and sign):
            raise RecipeError(f"'{line[:60]}' is not STEP.SETTING = VALUES, e.g. distill.temperature = 1..8.")
        axes[name] = axis_of(name, values, partial(read_value, place=title_of(name)))
    return list(axes.values())


def queued_search(bench: "Workbench", device: str, recipe: Recipe, axes: list[Axis], spec: SearchSpec) -> str:
    """Start a search; says so with a link to its view."""
    family = bench.searches.start(recipe, axes, spec, device)
    link = f'<a href="?tab=runs&amp;family={escape(family.id)}&amp;run=">Watch</a>'
    return f'<div class="win" role="status">The search has begun · {link}</div>'


def _find(recipe: Recipe, key: str) -> tuple[Stage, Knob]:
    """Stage and knob of a dotted name; raises RecipeError where the recipe has no such setting."""
    name, _, field = key.rpartition(".")
    stage = next((stage for stage in recipe.stages if stage.name == name), None)
    if stage is None:
        raise RecipeError(f"This recipe has no '{name}' step: add it before you sweep its settings.")
    knob = next((knob for knob in knobs(METHODS[stage.method].spec) if knob.name == field), None)
    if knob is None:
        raise RecipeError(f"'{name}' has no setting '{field}': choose another one to sweep.")
    return stage, knob


def needed(bench: "Workbench", effect: float | None, task: str) -> str:
    """How many seeds a wished difference takes on this task; nothing without a wish."""
    if effect is None:
        return ""
    if not effect > 0:
        raise RecipeError(f"Difference to see: give a number of points above 0 instead of {effect:g}.")
    facts = next(item for item in bench.tasks() if item.name == task)
    gains = method_gains(bench.points(task), facts.headline, facts.splits["test"])
    return f'<p class="lead">{escape(seeds_sentence(gains, effect, facts.headline.difference_unit))}</p>'


def counted(values: Mapping[str, list[Any]]) -> str:
    """36 runs · 4 × temperature · 3 × soft weight · 3 seeds each."""
    runs = prod(len(each) for each in values.values())
    product = " · ".join(
        f"{len(each)} seeds each"
        if name == "seed"
        else f"{len(each)} × <span>{escape(name.rpartition('.')[2].replace('_', ' '))}</span>"
        for name, each in values.items()
    )
    return f'<p class="lead"><b>{runs} {"run" if runs == 1 else "runs"}</b> · {product}</p>'


def _done(text: str, run_id: str) -> str:
    return f'<div class="win" role="status">{text} · <a href="?tab=runs&amp;run={escape(run_id)}">Watch</a></div>'
