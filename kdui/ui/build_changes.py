"""What a person does in Build, as changes of a recipe: a knob, a model, a method, a step, a scale, a whole other recipe.

Every change is plain data, ``{"role": …, "value": …}``, and goes to one function here. The recipe itself is plain data too while
it is edited, so that it may hold what somebody has typed and the check refuses; nothing that was typed is lost.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from kdui.catalogue.methods import METHODS, is_of, plain_method, trains_student
from kdui.catalogue.recipe_files import validated
from kdui.core.errors import KduiError, RecipeError
from kdui.core.method import Group, Place
from kdui.core.plain import Frozen
from kdui.core.recipe import Recipe
from kdui.ui.build_address import unpacked
from kdui.ui.carry_over import with_models
from kdui.ui.forms import Knob, drawable, knobs
from kdui.ui.model_options import short, with_option
from kdui.ui.recipe_form import student_forms, with_distiller
from kdui.ui.scales import scaled
from kdui.ui.shared_training import SHARED, training_stages

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

LOST = "The page has lost its recipe: load it again, or choose one under Start from."


class State(Frozen):
    """What Build shows. ``recipe``: plain data, perhaps with faults; ``start``: its name under Start from; ``open``: a step."""

    recipe: dict[str, Any] = Field(min_length=1)
    start: str | None = None
    open: str = ""
    device: str = "auto"


class Changed(NamedTuple):
    """The state after a change, and what is told beside it, in sentences."""

    state: State
    told: tuple[str, ...] = ()


def shown(recipe: Recipe, start: str | None, open_: str = "", device: str = "auto") -> State:
    """The state that shows a recipe; the step that trains the student is open unless another one is named."""
    plain = recipe.model_dump(mode="json") | {"teacher": short(recipe.teacher), "student": short(recipe.student)}
    return opened(State(recipe=plain, start=start, open=open_, device=device))


def opened(state: State) -> State:
    """With a step open that the recipe has."""
    stages = stages_of(state)
    if state.open == SHARED or any(stage["name"] == state.open for stage in stages):
        return state
    order = (Group.DISTILL, Group.COMPRESS, Group.TEACH, Group.DELIVER)
    first = min(stages, key=lambda stage: order.index(METHODS[stage["method"]].group), default=None)
    return state.model_copy(update={"open": first["name"] if first else ""})


def recipe_of(state: State) -> Recipe:
    """The recipe that the state says; raises RecipeError in words."""
    if state.recipe.get("student") == "":
        raise RecipeError("Pick a student, or write hub:OWNER/NAME or folder:PATH.")
    return validated(state.recipe)


def stages_of(state: State) -> list[dict[str, Any]]:
    """The recipe's stages as plain data, each with method, name and settings; raises RecipeError where they are none."""
    stages = state.recipe.get("stages")
    sound = isinstance(stages, list) and all(
        isinstance(stage, dict)
        and isinstance(stage.get("settings"), dict)
        and isinstance(stage.get("name"), str)
        and stage.get("method") in METHODS
        for stage in stages
    )
    if not sound:
        raise RecipeError(LOST)
    return list(stages or [])


def form_of(stage: Mapping[str, Any]) -> tuple[Knob, ...]:
    """The knobs of a stage that can be turned at all."""
    return drawable(knobs(METHODS[stage["method"]].spec))


def changed(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    """The state after one change; raises KduiError in words where it cannot be made."""
    make = CHANGES.get(str(change.get("role")))
    if make is None:
        raise RecipeError(f"'{change.get('role')}' is nothing that changes a recipe.")
    after = make(bench, state, change)
    return after._replace(state=opened(after.state))


# --- one setting ------------------------------------------------------------------------------------------------------------


def _with(state: State, **recipe: Any) -> State:
    return state.model_copy(update={"recipe": state.recipe | recipe})


def _turned(stage: Mapping[str, Any], knob: Knob, value: Any) -> dict[str, Any]:
    """The stage with one knob turned: a recipe says only what differs from the defaults."""
    setting = knob.setting(value)
    rest = {name: kept for name, kept in stage["settings"].items() if name != knob.name}
    return {**stage, "settings": rest if setting == knob.default else {**rest, knob.name: setting}}


def _knob(_bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    stages = stages_of(state)
    place = next((place for place, stage in enumerate(stages) if stage["name"] == change.get("stage")), None)
    if place is None:
        raise RecipeError(f"This recipe has no step '{change.get('stage')}'.")
    knob = next((knob for knob in form_of(stages[place]) if knob.name == change.get("name")), None)
    if knob is None:
        raise RecipeError(f"'{change.get('stage')}' has no setting '{change.get('name')}'.")
    stages[place] = _turned(stages[place], knob, change.get("value"))
    return Changed(_with(state, stages=stages))


def _training(_bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    """One setting of the training, for all steps that train and call it the same."""
    stages = stages_of(state)
    for place, knob in training_stages(stages, str(change.get("name")), str(change.get("title"))):
        stages[place] = _turned(stages[place], knob, change.get("value"))
    return Changed(_with(state, stages=stages))


def _seed(_bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    return Changed(_with(state, seed=change.get("value") or 0))


def _scale(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    return Changed(_with(state, stages=scaled(stages_of(state), standard_stages(bench, state), str(change.get("value")))))


def standard_stages(bench: "Workbench", state: State) -> list[dict[str, Any]]:
    """The stages of the recipe that this one began as, else of the task's usual one: what scales are measured by."""
    known = state.start if state.start in bench.recipe_names() else None
    recipe = bench.recipe(known) if known else bench.default_recipe(recipe_of(state).task)
    return [stage.model_dump(mode="json") for stage in recipe.stages]


# --- models and method ------------------------------------------------------------------------------------------------------


def _model(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    role, value = _role(change), str(change.get("value") or "")
    if role == "student" and not value:
        return Changed(_with(state, student=""))
    try:
        edited = recipe_of(state)
    except KduiError:  # something else is wrong: the model is kept as it was typed
        return Changed(_with(state, **{role: value or None}))
    if edited.student is None and role == "student":
        state = _add(bench, _with(state, student=value), {"value": plain_method(Place.STUDENT).name}).state
        edited = recipe_of(state)
    teacher, student = (value, str(edited.student or "")) if role == "teacher" else (str(edited.teacher or ""), value)
    carried = with_models(bench, edited, teacher, student or None)
    after = shown(carried.recipe, state.start, state.open, state.device)
    return Changed(after, tuple(carried.words(_title(bench, edited.task, value))))


def _option(_bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    role = _role(change)
    turned = with_option(str(state.recipe.get(role) or ""), str(change.get("name")), change.get("value"))
    return Changed(_with(state, **{role: turned}))


def _role(change: Mapping[str, Any]) -> str:
    role = str(change.get("of"))
    if role not in ("teacher", "student"):
        raise RecipeError(f"A recipe has a teacher and a student, but no '{role}'.")
    return role


def _title(bench: "Workbench", task: str, model: str) -> str:
    cards = [*bench.teachers(task), *bench.students(task, None)]
    return next((card.title for card in cards if card.ref == model), model or "no teacher")


def _method(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    value = str(change.get("value"))
    recipe = recipe_of(state)
    if value not in student_forms():
        raise RecipeError(f"There is no method called '{value}'.")
    if not any(stage.method in student_forms() for stage in recipe.stages):
        return _add(bench, state, {"value": value})
    after = with_distiller(recipe, value)
    trained = next(stage.name for stage in after.stages if stage.method in student_forms())
    return Changed(shown(after, state.start, trained, state.device))


# --- steps ------------------------------------------------------------------------------------------------------------------


def _ordered(stages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(stages, key=lambda stage: METHODS[stage["method"]].order)


def _add(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    value, stages = str(change.get("value")), stages_of(state)
    if value not in METHODS:
        raise RecipeError(f"There is no step called '{value}'.")
    taken, name, count = {stage["name"] for stage in stages}, value, 1
    while name in taken:
        count += 1
        name = f"{value}-{count}"
    after = _with(state, stages=_ordered([*stages, {"method": value, "name": name, "settings": {}}]))
    if trains_student(METHODS[value]) and not after.recipe.get("student"):
        cards = bench.students(str(after.recipe.get("task")), after.recipe.get("teacher"))
        after = _with(after, student=cards[0].ref if cards else "")
    return Changed(after.model_copy(update={"open": name}))


def _remove(_bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    left = [stage for stage in stages_of(state) if stage["name"] != change.get("value")]
    return Changed(_without_student(_with(state, stages=_some(left))))


def _compression(_bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    wanted, stages = [name for name in str(change.get("value") or "").split("+") if name], stages_of(state)
    if strangers := [name for name in wanted if not is_of(Group.COMPRESS, name)]:
        raise RecipeError(f"There is no way to compress called '{strangers[0]}'.")
    kept = [stage for stage in stages if METHODS[stage["method"]].group is not Group.COMPRESS or stage["method"] in wanted]
    there = {stage["method"] for stage in kept}
    new = [{"method": name, "name": name, "settings": {}} for name in wanted if name not in there]
    after = _with(state, stages=_some(_ordered([*kept, *new])))
    return Changed(after.model_copy(update={"open": new[0]["name"]}) if new else after)


def _some(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not stages:
        raise RecipeError("Nothing would be left to do: keep at least one step.")
    return stages


def _without_student(state: State) -> State:
    """A recipe in which nobody trains a student has none."""
    trained = any(stage["method"] in student_forms() for stage in stages_of(state))
    return state if trained else _with(state, student=None)


def _open(_bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    return Changed(state.model_copy(update={"open": str(change.get("value"))}))


# --- another recipe ---------------------------------------------------------------------------------------------------------


def _left(bench: "Workbench", state: State) -> tuple[str, ...]:
    """What is told where another recipe takes the place of one that somebody has changed."""
    known = bench.recipe(state.start) if state.start in bench.recipe_names() else None
    try:
        if known is not None and known.digest == recipe_of(state).digest:
            return ()
    except KduiError:
        pass  # a recipe with faults was changed as well
    title = known.name if known is not None else state.recipe.get("name") or "the former recipe"
    return (f"Your changes to “{title}” were put aside.",)


def named(bench: "Workbench", recipe: Recipe) -> str | None:
    """The name under Start from of a recipe that is one of them."""
    listed = {name: bench.recipe(name) for name in bench.recipe_names()}
    alike = {name: other for name, other in listed.items() if other.task == recipe.task}  # a digest costs a millisecond
    return next((name for name, other in alike.items() if other.digest == recipe.digest), None)


def recipe_named(bench: "Workbench", value: str) -> Recipe:
    """The recipe of that name, or of the run with that id."""
    known = {*bench.recipe_names(), *bench.broken_recipes()}
    return bench.recipe(value) if value in known else bench.run(value).run.recipe


def _start(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    value = str(change.get("value"))
    return Changed(shown(bench.recipe(value), value, device=state.device), _left(bench, state))


def _from(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    value = str(change.get("value"))
    recipe = recipe_named(bench, value)
    return Changed(shown(recipe, value if value in bench.recipe_names() else None, str(change.get("open") or "")))


def _task(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    recipe = bench.default_recipe(str(change.get("value")))
    notices = () if change.get("address") else _left(bench, state)
    return Changed(shown(recipe, named(bench, recipe), device=state.device), notices)


def _address(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    start, recipe = unpacked(str(change.get("value")))
    return Changed(shown(recipe, start if start in bench.recipe_names() else None, str(change.get("open") or "")))


def _yaml(bench: "Workbench", state: State, change: Mapping[str, Any]) -> Changed:
    return Changed(shown(bench.parse_recipe(str(change.get("value"))), None, device=state.device), _left(bench, state))


CHANGES: dict[str, Callable[[Any, State, Mapping[str, Any]], Changed]] = {
    "knob": _knob,
    "training": _training,
    "seed": _seed,
    "scale": _scale,
    "model": _model,
    "option": _option,
    "method": _method,
    "add": _add,
    "remove": _remove,
    "compression": _compression,
    "open": _open,
    "start": _start,
    "from": _from,
    "task": _task,
    "recipe": _address,
    "yaml": _yaml,
}
