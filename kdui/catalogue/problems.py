"""The problems that kdui knows, and which methods suit them."""

from functools import cache
from typing import Any, cast

from kdui.catalogue.methods import METHODS
from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import NEEDS, Need, ProblemFacts, StageSpec, TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.method import Method
from kdui.core.registry import Registry

PROBLEMS: Registry[ProblemFacts] = Registry("kdui.problems", "problem", "PROBLEM")


def meaningful(spec: StageSpec, task: TaskFacts) -> dict[str, Any]:
    """A stage's settings without knobs that mean nothing for the task's problem: those leave no trace in a digest."""
    gives = PROBLEMS[task.problem].gives
    return {name: value for name, value in spec.model_dump().items() if need_of(spec, name) in {None, *gives}}


def need_of(spec: StageSpec, name: str) -> Need | None:
    """What a knob reads of a problem, where it says so."""
    return needs_of(type(spec)).get(name)


@cache
def needs_of(spec: type[StageSpec]) -> dict[str, Need]:
    """What each knob reads of a problem, of those that say so: Build plans every method of a task at its first visit."""
    extras = ((name, field.json_schema_extra) for name, field in spec.model_fields.items())
    return {name: cast(Need, extra["needs"]) for name, extra in extras if isinstance(extra, dict) and extra.get("needs")}


def require_fit(method: Method, stage: str, spec: StageSpec, task: TaskFacts) -> None:
    """Raises RecipeError where a stage's method, or a knob that is turned, needs what the task's problem does not give."""
    problem = PROBLEMS[task.problem]
    for name, need in needs_of(type(spec)).items():
        if need not in problem.gives and getattr(spec, name) != type(spec).model_fields[name].default:
            raise RecipeError(
                f"Stage '{stage}': '{name}' needs {NEEDS[need]}, but {task.title} is a task of "
                f"{problem.title.lower()}. Leave '{name}' out."
            )
    needs = method.needs | spec.needs
    missing = sorted(needs - problem.gives)
    if missing:
        fitting = [
            item for item in METHODS.values() if item.group is method.group and item is not method and item.needs <= problem.gives
        ]
        others = [item.name for item in sorted(fitting, key=lambda item: not item.plain)]
        way = f"Use the method {' or '.join(repr(name) for name in others[:3])}" if others else "Leave this stage out"
        tasks = [item.name for item in TASKS.values() if needs <= PROBLEMS[item.problem].gives]
        if method.needs <= problem.gives:
            way = "Leave its settings out: the usual ones fit"
        way += f", or choose the task {' or '.join(tasks[:2])}" if tasks else ""
        raise RecipeError(
            f"Stage '{stage}': {method.title.lower()} needs {' and '.join(NEEDS[need] for need in missing)}, but {task.title} is "
            f"a task of {problem.title.lower()}. {way}."
        )
