"""From a goal to a recipe: what matters most, on which data, with which teacher; each choice comes with its reason.

A candidate is offered only where the planner takes it, so whatever can be chosen can also be queued.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kdui.catalogue.goals import NONE, Goal, goal
from kdui.catalogue.methods import METHODS, stage_spec, trains_student
from kdui.catalogue.models import resolve
from kdui.catalogue.recipe_files import validated
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError
from kdui.core.method import Group
from kdui.core.numbers import times
from kdui.core.plain import Frozen
from kdui.core.recipe import ModelRef, Recipe, Stage

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

FINE_TUNED = 4  # a compressed model is fine-tuned for this part of the student's passes
SLOWER = 0.3  # at this share of its learning rate
NAMELESS = "Name your model: hub:OWNER/NAME, folder:PATH, onnx:PATH or csv:PATH."


class Choice(Frozen):
    """One decision of the suggested recipe, and why it was made."""

    what: str
    chosen: str
    why: str


class Suggestion(Frozen):
    """A recipe that can be queued as it stands."""

    recipe: Recipe
    choices: tuple[Choice, ...]


def suggest(bench: "Workbench", name: str, task: str, teacher: str = "") -> Suggestion:
    """The recipe for a goal on a task; an empty ``teacher`` is the task's usual one.

    Raises KduiError in words where none can run.
    """
    wanted = goal(name)
    if wanted.own and (not teacher or ModelRef.parse(teacher).kind == "preset"):
        raise KduiError(NAMELESS)
    problem = KduiError(f"'{wanted.title}' cannot be reached on this task yet. Choose another task.")
    for chain in wanted.compressions:
        try:
            recipe = _compressed(_trained(bench, wanted, task, teacher), chain)
            recipe = recipe.model_copy(update={"name": f"{wanted.title} · {TASKS[task].title}", "summary": ""})
            bench.check(recipe)
        except KduiError as refused:
            problem = refused
            continue
        return Suggestion(recipe=recipe, choices=(*_models(bench, wanted, recipe), *_stages(wanted, recipe)))
    raise problem


def fitting_tasks(bench: "Workbench", name: str) -> list[str]:
    """The tasks on which the goal's recipe can run; of a person's own teacher nothing is known before it is named."""
    return [task.name for task in bench.tasks() if goal(name).own or _fits(bench, name, task.name)]


def fitting_teachers(bench: "Workbench", name: str, task: str) -> list[tuple[str, str]]:
    """Reference and title of the teachers with which the goal's recipe can run on this task, the usual one first."""
    if goal(name).own:
        return []
    return [(ref, title) for ref, title in bench.model_titles(task, "teacher") if _fits(bench, name, task, ref)]


def _fits(bench: "Workbench", name: str, task: str, teacher: str = "") -> bool:
    try:
        suggest(bench, name, task, teacher)
    except KduiError:
        return False
    return True


# --- the recipe -----------------------------------------------------------------------------------------------------


def _trained(bench: "Workbench", wanted: Goal, task: str, teacher: str) -> Recipe:
    """Teacher and student with the training that the task's own recipe gives them, and no compression."""
    wished = ModelRef.parse(teacher) if teacher else None
    for name in wanted.recipes:
        made = bench.recipe(name)
        if made.task == task and wished in (None, made.teacher):
            return _with_stages(made, [*_training(made), *_delivery(made)])
    base = bench.default_recipe(task, teacher or None)
    stages = []
    for stage in _training(base):
        settings = dict(stage.settings)
        if METHODS[stage.method].group is Group.TEACH:
            stage = stage.model_copy(update={"settings": {**settings, **wanted.teacher}})
        elif wanted.student and trains_student(METHODS[stage.method]):
            ((method, own),) = wanted.student.items()
            known = METHODS[method].spec.model_fields
            stage = Stage(method=method, settings={**{key: settings[key] for key in settings if key in known}, **own})
        stages.append(stage)
    return _with_stages(base, [*stages, *_delivery(base)])


def _training(recipe: Recipe) -> list[Stage]:
    return [stage for stage in recipe.stages if METHODS[stage.method].group in (Group.TEACH, Group.DISTILL)]


def _delivery(recipe: Recipe) -> list[Stage]:
    return [stage for stage in recipe.stages if METHODS[stage.method].group is Group.DELIVER]


def _compressed(base: Recipe, chain: tuple[Any, ...]) -> Recipe:
    """The chain between training and delivery; what is fine-tuned takes some of the student's passes, in its batches."""
    trained = next((stage.settings for stage in base.stages if trains_student(METHODS[stage.method])), {})
    tuning: dict[str, Any] = {key: trained[key] for key in ("batch_size", "temperature", "soft_weight") if key in trained}
    tuning["epochs"] = max(1, int(trained.get("epochs", FINE_TUNED)) // FINE_TUNED)
    if "learning_rate" in trained:
        tuning["learning_rate"] = float(f"{SLOWER * trained['learning_rate']:.1g}")
    stages = []
    for each in chain:
        method, own = (each, {}) if isinstance(each, str) else next(iter(each.items()))
        fields = METHODS[method].spec.model_fields
        tuned = "epochs" in fields and fields["epochs"].default > 0
        taken = {key: tuning[key] for key in tuning if key in fields} if tuned else {}
        stages.append(Stage(method=method, settings={**taken, **own}))
    return _with_stages(base, [*_training(base), *stages, *_delivery(base)])


def _with_stages(base: Recipe, stages: list[Stage]) -> Recipe:
    made = validated({**base.model_dump(mode="json"), "stages": [stage.model_dump(mode="json") for stage in stages]})
    for stage in made.stages:
        stage_spec(stage)
    return made


# --- the reasons ----------------------------------------------------------------------------------------------------


def _stages(wanted: Goal, recipe: Recipe) -> Iterator[Choice]:
    for stage in recipe.stages:
        method = METHODS[stage.method]
        why = wanted.reasons.get(method.name, method.summary)
        if trains_student(method):
            yield Choice(what="Distillation", chosen=method.title, why=f"{why} A control without the teacher shows the gain.")
        elif method.group is Group.COMPRESS:
            yield Choice(what="Compression", chosen=method.title, why=why)
    if not any(METHODS[stage.method].group is Group.COMPRESS for stage in recipe.stages) and NONE in wanted.reasons:
        yield Choice(what="Compression", chosen="None", why=wanted.reasons[NONE])


def _models(bench: "Workbench", wanted: Goal, recipe: Recipe) -> Iterator[Choice]:
    weights: dict[str, int | None] = {}
    for role, ref in (("teacher", recipe.teacher), ("student", recipe.student)):
        if ref is None:
            continue
        facts = resolve(ref, TASKS[recipe.task], bench.settings)
        weights[role] = bench.card(recipe.task, str(ref), role).parameters if ref.kind == "preset" else None
        if role == "teacher":
            first = bench.model_titles(recipe.task, role)[0][0]
            usual = "The usual teacher of this task." if str(ref) == first else "As you chose."
            yield Choice(what="Teacher", chosen=facts.title, why="Your own model." if wanted.own else usual)
        elif (large := weights.get("teacher")) and (small := weights[role]):
            yield Choice(what="Student", chosen=facts.title, why=f"The usual student of this teacher; {_smaller(large, small)}.")
        else:
            yield Choice(what="Student", chosen=facts.title, why="The usual student of this teacher.")


def _smaller(large: int, small: int) -> str:
    return f"it has {times(large / small)} fewer weights" if large > small else "it has no fewer weights"
