"""What Build shows of a state: form, facts, cost, command, YAML, address, and the data of the pictures, in one answer."""

import hashlib
import json
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from kdui.catalogue.defaults import NO_TEACHER
from kdui.catalogue.methods import METHODS
from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.sizes import known_size
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.core.method import Group
from kdui.core.page_rows import ModelCard
from kdui.core.plan import Planned
from kdui.core.recipe import ModelRef, Recipe
from kdui.ui import build_facts
from kdui.ui.bounded_wait import BoundedWait
from kdui.ui.build_address import packed
from kdui.ui.build_changes import State, recipe_of, stages_of, standard_stages
from kdui.ui.build_form import Drawn, Subject, change, knob_html, step_html, strip_html
from kdui.ui.build_problem import Problem, problem_of
from kdui.ui.chooser import method_options
from kdui.ui.model_options import Option, apart, short
from kdui.ui.panel import options
from kdui.ui.recipe_form import student_forms
from kdui.ui.scales import SCALES, scale_of
from kdui.ui.what_if import choices

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

OTHER = "…"  # in a list of models: another one, whose name is written beside it
OWN_DATA = "Your own data …"
WITHOUT, NO_STUDENT, NO_METHOD = "No teacher", "No student", "No distillation"
AT_ONCE, A_WHILE = 0.1, 1.0  # seconds that an answer waits for a model's size; then it comes without the cost, and is asked again


class Known(NamedTuple):
    """What is worked out once: look-ups that may take long, and whose sizes are there."""

    look_ups: BoundedWait
    sized: set[tuple[str, frozenset[str]]]  # models of a task


class View:
    """Draws states of one page; ``known`` lives as long as the page."""

    def __init__(self, workbench: "Workbench"):
        self.bench = workbench
        self.tasks: dict[str, TaskFacts] = {}
        self.known = Known(BoundedWait(), set())

    def of(self, state: State, seen: Mapping[str, Any], *, patient: bool = False) -> dict[str, Any]:
        """The whole view. ``seen``: digests of the data that the browser has; ``patient``: it waits for the cost."""
        drawn = Drawn()
        self.tasks = {task.name: task for task in self.bench.tasks()}  # a text may have come since
        recipe, planned, problem = self._checked(state)
        task = self.tasks.get(str(state.recipe.get("task")))
        modality = task.modality if task else None
        unfit = self.bench.unfit_methods(recipe) if recipe is not None else {}
        usual = self._usual_stages(state)
        self._draw_choices(state, unfit, usual, drawn)
        self._draw_facts(state, drawn)
        shows = {role: self._inner_values(state, role) for role in ("teacher", "student")}
        drawn.html["build-strip"] = strip_html(state, modality)
        step_html(state, Subject(modality, shows, PROBLEMS[task.problem].gives if task else None), unfit, drawn)
        drawn.html["build-scale"] = scales_html(scale_of(stages_of(state), usual))
        view: dict[str, Any] = {"state": state.model_dump(), "html": drawn.html, "values": drawn.values, "pending": False}
        if recipe is not None:
            view |= self._texts(state, recipe)
            problem = problem or (self._draw_cost(planned, state, view, patient) if planned else None)
            view["data"] = self._data(recipe, None if problem else planned, seen)
        view["problem"] = problem._asdict() if problem else None
        return view

    def _checked(self, state: State) -> tuple[Recipe | None, Planned | None, Problem | None]:
        """The recipe and its plan, each where there is one, and what is wrong."""
        recipe = None
        try:
            recipe = recipe_of(state)
            return recipe, self.bench.plan(recipe), None
        except KduiError as problem:
            return recipe, None, problem_of(self.bench, state, problem)

    # --- choices and facts ---------------------------------------------------------------------------------------------

    def _draw_choices(self, state: State, unfit: Mapping[str, str], usual: list[dict[str, Any]], drawn: Drawn) -> None:
        """The lists of the first column, and what each of them shows."""
        task, teacher = str(state.recipe.get("task")), state.recipe.get("teacher")
        drawn.html["build-start"] = options([("", "–"), *self._recipes()])
        drawn.html["build-task"] = options([*((name, facts.title) for name, facts in self.tasks.items()), (OTHER, OWN_DATA)])
        drawn.values |= {"build-start": state.start or "", "build-task": task, "build-seed": state.recipe.get("seed")}
        drawn.values["build-device"] = state.device
        known = task in self.tasks
        self._draw_model(
            "teacher",
            [*(self.bench.model_titles(task, "teacher") if known else []), (NO_TEACHER, WITHOUT)],
            teacher or NO_TEACHER,
            drawn,
        )
        students = self.bench.model_titles(task, "student", teacher) if known and not unreadable(teacher) else []
        none = [("", NO_STUDENT)] if state.recipe.get("student") is None else []
        self._draw_model("student", [*students, *none], str(state.recipe.get("student") or ""), drawn)
        self._draw_methods(state, unfit, usual, drawn)

    def _recipes(self) -> list[tuple[str, str]]:
        names, recipes = self.bench.recipe_names(), self.bench.recipes()
        broken = [(name, f"{name} (cannot be used)") for name in self.bench.broken_recipes()]  # choosing it says why
        return [(name, recipe.name or name) for name, recipe in zip(names, recipes, strict=True)] + broken

    def _draw_model(self, role: str, listed: list[tuple[str, str]], ref: str, drawn: Drawn) -> None:
        name, turned_options = apart(ref)
        place, known = f"build-{role}", any(value == (name or "") for value, _ in listed)
        drawn.html[place] = options([*listed, (OTHER, "Another model …")])
        drawn.values |= {place: (name or "") if known else OTHER, f"{place}-name": "" if known else ref}
        drawn.html[f"{place}-options"] = options_html(role, turned_options)
        drawn.values |= {f"option-{role}-{option.knob.name}": option.value for option in turned_options}
        turned = [f"{option.knob.title.lower()} {option.value}" for option in turned_options if option.value != option.own]
        if turned_options:
            drawn.values[f"{place}-options-says"] = f"Options: {', '.join(turned)}" if turned else "Options"

    def _draw_methods(self, state: State, unfit: Mapping[str, str], usual: list[dict[str, Any]], drawn: Drawn) -> None:
        stages = stages_of(state)
        distiller = next((stage["method"] for stage in stages if stage["method"] in student_forms()), "")
        none = "" if distiller else f'<option value="">{NO_METHOD}</option>'
        drawn.html["build-method"] = none + method_options([METHODS[name] for name in student_forms()], unfit)
        drawn.values["build-method"] = distiller
        task = self.tasks.get(str(state.recipe.get("task")))
        compress = [
            method
            for method in self.bench.methods()
            if method.group is Group.COMPRESS and (not method.modality or task is None or method.modality == task.modality)
        ]
        now = compression(stages)
        titles = {method.name: method.title for method in compress}
        several = [
            (chain, " + ".join(METHODS[name].title for name in chain.split("+")))
            for chain in dict.fromkeys((now, compression(usual)))
            if chain
        ]
        listed = {"": "None", **dict(several), **titles}
        drawn.html["build-compression"] = options(list(listed.items()))
        drawn.values["build-compression"] = now

    def _usual_stages(self, state: State) -> list[dict[str, Any]]:
        try:
            return standard_stages(self.bench, state)
        except KduiError:
            return []

    def _draw_facts(self, state: State, drawn: Drawn) -> None:
        task = self.tasks.get(str(state.recipe.get("task")))
        noun = task.headline.noun if task else "accuracy"
        drawn.html["build-task-facts"] = build_facts.task_facts(task) if task else ""
        teacher, student = _parsed(state.recipe.get("teacher")), _parsed(state.recipe.get("student"))
        drawn.html["build-teacher-facts"] = self._teacher_facts(state, teacher, noun)
        drawn.html["build-student-facts"] = (
            build_facts.model_facts(self._card(state, student, "student"), short(student), noun)
            if student
            else build_facts.no_student()
        )

    def _teacher_facts(self, state: State, teacher: ModelRef | None, noun: str) -> str:
        if teacher is None:
            return build_facts.no_teacher()
        if teacher.kind == "onnx":
            try:
                return build_facts.graph_facts(self.bench.graph_figures(str(teacher)))
            except KduiError as problem:
                return build_facts.unread(str(problem))
        return build_facts.model_facts(self._card(state, teacher, "teacher"), short(teacher), noun)

    def _card(self, state: State, ref: ModelRef | None, role: str) -> ModelCard | None:
        """The card of one of kdui's own models; details of others are read when the run starts."""
        if ref is None or ref.kind != "preset":
            return None
        try:
            card: ModelCard = self.bench.card(str(state.recipe.get("task")), str(ref), role)
            return card
        except KduiError:  # the estimate says why it cannot be had
            return None

    def _inner_values(self, state: State, role: str) -> tuple[str, ...] | None:
        ref, task = _parsed(state.recipe.get(role)), str(state.recipe.get("task"))
        shows: tuple[str, ...] | None = self.bench.inner_values(task, str(ref)) if ref and task in self.tasks else None
        return shows

    # --- what is said --------------------------------------------------------------------------------------------------

    def _texts(self, state: State, recipe: Recipe) -> dict[str, Any]:
        """YAML, command, address, and the mark of an edited recipe."""
        known = self.bench.recipe(state.start) if state.start in self.bench.recipe_names() else None
        same = known is not None and known.digest == recipe.digest
        edited = ""
        if known is not None and not same:
            reset = change("start", value=state.start)
            button = f'<button type="button" class="undo" id="build-reset" {reset}>Reset</button>'
            edited = f'<span class="badge">edited</span> {button}'
        return {
            "yaml": self.bench.recipe_yaml(recipe),
            "command": self.bench.command(recipe).replace(" --set ", " \\\n  --set "),
            "link": {"from": state.start} if same else {"recipe": packed(state.start, recipe)},
            "edited": edited,
        }

    def _draw_cost(self, planned: Planned, state: State, view: dict[str, Any], patient: bool) -> Problem | None:
        """The estimate as a table and as a line, or why there is none."""
        recipe, hub = planned.recipe, build_facts.hub_models(planned.recipe)
        own = {str(model) for model in (recipe.teacher, recipe.student) if model}
        models = frozenset(own | {step.model for step in planned.steps if step.model})
        counted = all(known_size(recipe.task, model) for model in models)  # and shipped: no look-up at all
        try:
            if hub or not (counted or (recipe.task, models) in self.known.sized):
                wait = AT_ONCE if not patient else None if hub else A_WHILE
                if not self.known.look_ups.done((recipe.task, models), lambda: self.bench.estimate(planned), wait):
                    view["pending"] = not (hub and patient)
                    waiting = build_facts.still_looking(hub) if hub and patient else build_facts.waiting(recipe)
                    view["html"] |= {"build-cost": waiting, "build-sum": ""}
                    return None
                self.known.sized.add((recipe.task, models))
            estimate = self.bench.estimate(planned)
        except KduiError as problem:
            return problem_of(self.bench, state, problem)
        headline = self.tasks[recipe.task].headline.title
        view["html"] |= {
            "build-cost": build_facts.cost_html(estimate),
            "build-sum": build_facts.summary_html(estimate, headline),
        }
        return None

    # --- data of the pictures ------------------------------------------------------------------------------------------

    def _data(self, recipe: Recipe, planned: Planned | None, seen: Mapping[str, Any]) -> dict[str, Any]:
        """Data of lenses and What-if, where the browser has others."""
        now = {
            "lenses": self._lenses(planned) if planned else no_lenses(),
            "whatif": choices(self.bench, planned) if planned else {"task": recipe.task, "models": []},
        }
        fresh = {}
        for name, data in now.items():
            key = hashlib.blake2b(json.dumps(data, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()
            if seen.get(name) != key:
                fresh[name] = {"key": key, "data": data}
        return fresh

    def _lenses(self, planned: Planned) -> dict[str, Any]:
        pictures: dict[str, Any] = self.bench.lenses(planned)
        missing = any(part["origin"] == "none" for part in pictures.values())
        if not missing or (now := self.bench.running_now(planned.recipe.task)) is None:
            return pictures
        doing = "waits in the queue" if now.waits else "is running"
        note = f"“{now.name}” {doing}: this picture appears here when it has got so far."
        return {name: {**part, "note": note} if part["origin"] == "none" else part for name, part in pictures.items()}


def compression(stages: list[dict[str, Any]]) -> str:
    """The ways to compress among the stages, as the list of them has it: prune+quantize."""
    return "+".join(stage["method"] for stage in stages if METHODS[stage["method"]].group is Group.COMPRESS)


def scales_html(now: str) -> str:
    """A button for each scale; the one that the recipe stands at is pressed."""
    return "".join(
        f'<button type="button" class="act small" id="scale-{name}" aria-pressed="{str(name == now).lower()}" '
        f'title="{escape(words)}" {change("scale", value=name)}>{title}</button>'
        for name, (title, words) in SCALES.items()
    )


def no_lenses() -> dict[str, Any]:
    note = "Nothing to show until the recipe can run."
    return {name: {"origin": "none", "note": note} for name in ("temperature", "soft_weight", "weights")}


def options_html(role: str, form: list[Option]) -> str:
    """Fields of a model's options, folded; nothing for a model without any."""
    if not form:
        return ""
    fields = "".join(
        knob_html(f"option-{role}-{option.knob.name}", option.knob, None, change("option", of=role, name=option.knob.name))
        for option in form
    )
    return (
        f'<details class="model-options" id="build-{role}-fields"><summary id="build-{role}-options-says">Options</summary>'
        f"{fields}</details>"
    )


def unreadable(ref: Any) -> bool:
    return bool(ref) and _parsed(ref) is None


def _parsed(ref: Any) -> ModelRef | None:
    try:
        return ModelRef.parse(str(ref)) if ref else None
    except KduiError:
        return None
