"""Texts of the page that stand in facts: titles and summaries of tasks, models, methods and recipes, and what their knobs say."""

from collections.abc import Iterator

from kdui.catalogue.goals import goals
from kdui.catalogue.methods import METHODS
from kdui.catalogue.models import FAMILIES
from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.recipe_files import BUILT_IN, parse_recipe
from kdui.catalogue.tasks import TASKS
from kdui.catalogue.yaml_text import read_file
from kdui.core.plain import Frozen
from kdui.ui.forms import knobs


def facts() -> Iterator[str]:
    """Each text, as it stands in the facts."""
    for task in TASKS.values():
        yield from (task.title, task.summary, task.headline.title)
    for problem in PROBLEMS.values():
        yield problem.title
    for family in FAMILIES.values():
        yield family.title
        for preset in family.presets:
            yield from (preset.title, preset.summary, preset.licence)
        yield from _knobs(family.options)
    for method in METHODS.values():
        yield from (method.title, method.summary)
        yield from _knobs(method.spec)
    for path in sorted(BUILT_IN.glob("*.yaml")):
        recipe = parse_recipe(read_file(path), path.name)
        yield from (recipe.name, recipe.summary)
    for goal in goals().values():
        yield from (goal.title, goal.sentence, *goal.reasons.values())


def _knobs(spec: type[Frozen]) -> Iterator[str]:
    for knob in knobs(spec):
        yield from (knob.title, knob.help)
