"""Build: what to distill, how, and what it will cost before it starts."""

import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

from kdui.catalogue.defaults import NO_TEACHER
from kdui.catalogue.methods import trains_student
from kdui.core.errors import KduiError
from kdui.core.method import Method
from kdui.core.page_rows import ModelCard
from kdui.core.recipe import ModelRef, Recipe
from kdui.ui import build_facts
from kdui.ui.bounded_wait import BoundedWait
from kdui.ui.build_actions import Actions, connect_actions
from kdui.ui.build_columns import draw_cost, draw_how, draw_what
from kdui.ui.build_events import connect_build
from kdui.ui.chooser import DISTILL, grouped
from kdui.ui.forms import Form, has_lens
from kdui.ui.model_options import apart, as_choices, joined, short
from kdui.ui.recipe_form import Choices, compose, pack, settings_of, unpack
from kdui.ui.shared_form import SharedForm
from kdui.ui.shell import PageState
from kdui.ui.what_if import create_what_if

WITHOUT = "No teacher"


class Build:
    """The tab's components and what they mean; one instance a page, no state of a visitor."""

    # Drawn by build_columns. The first five are hidden: the recipe that last filled the form, what the lists show of it, the last
    # choice, the recipe for the address, and a time that changes with the student's options.
    base: gr.Textbox
    at: gr.Textbox
    choice: gr.Textbox
    link: gr.Textbox
    filled_at: gr.Textbox
    start: gr.Dropdown
    task: gr.Dropdown
    teacher: gr.Dropdown
    student: gr.Dropdown
    options: gr.HTML
    seed: gr.Number
    distiller: gr.Textbox
    chooser: gr.HTML
    edited: gr.HTML
    notice: gr.HTML
    task_card: gr.HTML
    teacher_card: gr.HTML
    student_card: gr.HTML
    cost: gr.HTML
    actions: Actions
    pictures: list[gr.HTML]

    def __init__(self, workbench: Any, first: Recipe):
        self.workbench = workbench
        methods: list[Method] = workbench.methods()
        self.distillers = grouped(method for method in methods if trains_student(method))
        self.methods = [method for method in methods if not trains_student(method) or method.name == DISTILL]
        self.order = {method.name: method.order for method in methods}
        self.optional = [method.name for method in self.methods if method.group != "deliver"]
        self.tasks = {task.name: task for task in workbench.tasks()}
        self.first = first
        self.look_ups = BoundedWait()
        self.shared = SharedForm(DISTILL, self.distillers)
        self.forms: dict[str, Form] = {}
        self.switches: dict[str, gr.Checkbox] = {}
        self.steps: dict[str, gr.Column] = {}  # those for one kind of task
        self.bodies: dict[str, gr.Column] = {}  # those that are not there while their step is off

    @property
    def pictured(self) -> list[Form]:
        """Forms of their own whose knobs have lenses."""
        return [self.forms[method.name] for method in self.methods if has_lens(method)]

    # --- reading and showing -----------------------------------------------------------------------------------------

    @property
    def inputs(self) -> list[Any]:
        """All that decides the recipe, in the order that ``recipe`` reads."""
        return [
            self.start,
            self.base,
            self.task,
            self.teacher,
            self.student,
            self.distiller,
            self.options,
            self.seed,
            *self.switches.values(),
            *self.shared.components,
            *(control for form in self.forms.values() for control in form.components),
        ]

    @property
    def knob_inputs(self) -> list[Any]:
        """Those that change settings only; task and models fill the form anew, and options make another model."""
        return self.inputs[7:]

    @property
    def filled(self) -> list[Any]:
        """All that a recipe fills when it is shown as a whole."""
        sweep = self.actions.sweep
        return [
            *self.inputs,
            self.chooser,
            sweep.knob,
            sweep.second,
            sweep.count,
            self.at,
            *self.steps.values(),
            *self.bodies.values(),
        ]

    def fill(self, start: str | None, recipe: Recipe, shown: Sequence[Any], edited: Recipe | None) -> list[Any]:
        """Updates of ``filled`` that show a recipe; ``edited``: the one that is shown now, None where that is not known.

        What is shown already is left alone, which saves the browser most of the work.
        """
        fresh = self.show(recipe, start)
        if edited is not None:
            before = zip(fresh, self.show(edited), shown, strict=True)
            fresh = [gr.skip() if _shows(new, now) and _alike(new, old) else new for new, old, now in before]
        knob, second = self.actions.sweep.updates(self.shared, self.distiller_of(recipe))
        task = self.tasks.get(recipe.task)
        suits = (
            gr.update(visible=task is None or method.modality == task.modality) for method in self.methods if method.modality
        )
        bodies = (gr.update(visible=settings_of(recipe, name) is not None) for name in self.bodies)
        return [*fresh, self.chooser_state(recipe), knob, second, "", self.pickers(recipe, start), *suits, *bodies]

    def picked(self, recipe: Recipe) -> tuple[str, str, str | None]:
        """What the lists of task, teacher and student show of a recipe."""
        teacher = short(recipe.teacher) or NO_TEACHER
        student = short(recipe.student) or next((card.ref for card in self.workbench.students(recipe.task, teacher)), None)
        return recipe.task, teacher, apart(student)[0]

    def pickers(self, recipe: Recipe, start: str | None) -> str:
        """The same with Start from, for the browser: what differs from it is a choice."""
        return json.dumps(dict(zip(("task", "teacher", "student"), self.picked(recipe), strict=True), start=start))

    def named(self, recipe: Recipe) -> str | None:
        """The name under Start from of a recipe that is one of them."""
        names = self.workbench.recipe_names()
        return next((name for name in names if self.workbench.recipe(name).digest == recipe.digest), None)

    def title_of(self, place: str, slot: str, method: str) -> str:
        """What the knob at ``knob-PLACE-SLOT`` is called for the method that is shown."""
        if place == DISTILL:
            return self.shared.own(method)[slot].title
        return next(knob.title for knob in self.forms[place].knobs if knob.name == slot)

    @property
    def said(self) -> list[Any]:
        """What is said about a recipe at every change of the form."""
        bar = self.actions
        return [
            *self.fact_views,
            bar.yaml,
            bar.command,
            self.cost,
            self.edited,
            self.link,
            bar.sum,
            bar.queue,
            bar.status,
            self.notice,
        ]

    @property
    def fact_views(self) -> list[Any]:
        """Where ``facts`` is shown."""
        return [self.task_card, self.teacher_card, self.student_card]

    def recipe(self, *shown: Any) -> Recipe:
        """The recipe that the form says; raises RecipeError in words."""
        _, base, task, teacher, student, distiller, options, seed, *rest = shown

        def take(count: int) -> list[Any]:
            taken, rest[:] = rest[:count], rest[count:]
            return taken

        on = dict(zip(self.switches, take(len(self.switches)), strict=True))
        stages: dict[str, dict[str, Any] | None] = {}
        own = self.shared.changed(distiller, take(len(self.shared.controls)))
        stages.update({distiller: own} if on[DISTILL] else dict.fromkeys(self.shared.knobs_of))
        start = unpack(base)
        for name, form in self.forms.items():
            settings = form.changed(take(len(form.components)))
            if name in on:
                stages[name] = settings if on[name] else None
            elif settings or settings_of(start, name) is not None:  # what has no switch is there where the recipe has it
                stages[name] = settings
        student = joined(student, options)
        choices = Choices(task, teacher, student, seed or 0, stages, distillers=tuple(self.shared.knobs_of))
        return compose(start, choices, self.order)

    def distiller_of(self, recipe: Recipe) -> str:
        """The method that trains the recipe's student; the usual one where none does."""
        return next((stage.method for stage in recipe.stages if stage.method in self.shared.knobs_of), DISTILL)

    def show(self, recipe: Recipe, start: str | None = None) -> list[Any]:
        """Updates of ``inputs`` that show a recipe, under the name that it has in Start from."""
        task = self.tasks.get(recipe.task)
        modality = task.modality if task else None
        teacher, student = short(recipe.teacher) or NO_TEACHER, short(recipe.student)
        students = self.workbench.students(recipe.task, teacher)
        chosen, options = apart(student or (students[0].ref if students else None))
        shows = {role: self.model_shows(recipe, role) for role in ("teacher", "student")}
        distiller = self.distiller_of(recipe)
        parts = {name: settings_of(recipe, distiller if name == DISTILL else name) for name in (DISTILL, *self.forms)}
        return [
            start,
            pack(recipe),
            recipe.task,
            gr.update(choices=self.teacher_choices(recipe.task), value=teacher),
            gr.update(choices=as_choices(students), value=chosen),
            distiller,
            gr.update(value=options),
            recipe.seed,
            *(parts[name] is not None for name in self.switches),
            *self.shared.updates(distiller, parts[DISTILL] or {}, modality, shows["student"]),
            *(
                update
                for name, form in self.forms.items()
                for update in form.updates(parts[name] or {}, modality, shows["teacher"] if name == "teach" else None)
            ),
        ]

    def model_shows(self, recipe: Recipe, role: str) -> tuple[str, ...] | None:
        """The inner values of the recipe's teacher or student; None where they are not known."""
        model = short(getattr(recipe, role))
        return self.workbench.inner_values(recipe.task, model) if model else None

    def teacher_choices(self, task: str) -> list[tuple[str, str]]:
        return [*as_choices(self.workbench.teachers(task)), (WITHOUT, NO_TEACHER)]

    def values(self, recipe: Recipe) -> list[Any]:
        """What ``inputs`` hold when they show a recipe."""
        return [each.get("value") if isinstance(each, dict) else each for each in self.show(recipe, self.named(recipe))]

    def chooser_state(self, recipe: Recipe) -> dict[str, Any]:
        """What the chooser shows: the method, and why others do not suit these models as they stand."""
        return {"method": self.distiller_of(recipe), "unfit": self.workbench.unfit_methods(recipe)}

    def facts(self, recipe: Recipe) -> list[str]:
        """Cards of a recipe's task and models."""
        task, teacher, student = self.tasks.get(recipe.task), short(recipe.teacher), short(recipe.student)
        metric = task.headline.title if task else "accuracy"
        return [
            build_facts.task_facts(task) if task else "",
            self._teacher_facts(recipe, metric) if teacher else build_facts.no_teacher(),
            build_facts.model_facts(self._known(recipe, recipe.student, "student"), student, metric)
            if student
            else build_facts.no_student(),
        ]

    def _teacher_facts(self, recipe: Recipe, metric: str) -> str:
        ref = recipe.teacher
        if ref is not None and ref.kind == "onnx":
            try:
                return build_facts.graph_facts(self.workbench.graph_figures(str(ref)))
            except KduiError as problem:
                return build_facts.unread(str(problem))
        return build_facts.model_facts(self._known(recipe, ref, "teacher"), short(ref), metric)

    def said_as_text(self, recipe: Recipe) -> list[str]:
        """The recipe as YAML and as a command."""
        return [self.workbench.recipe_yaml(recipe), self.workbench.command(recipe).replace(" --set ", " \\\n  --set ")]

    def _known(self, recipe: Recipe, ref: ModelRef | None, role: str) -> ModelCard | None:
        """The card of one of kdui's own models; others are looked up when the run starts."""
        if ref is None or ref.kind != "preset":
            return None
        try:
            return self.workbench.card(recipe.task, str(ref), role)
        except KduiError:  # the estimate says why it cannot be had
            return None

    def recipe_choices(self) -> list[tuple[str, str]]:
        """Title and name of each recipe, for Start from."""
        names, recipes = self.workbench.recipe_names(), self.workbench.recipes()
        broken = [(f"{name} (cannot be used)", name) for name in self.workbench.broken_recipes()]  # choosing it says why
        return [(recipe.name or name, name) for name, recipe in zip(names, recipes, strict=True)] + broken


def create_build(workbench: Any, page_state: PageState) -> None:
    """Three columns: what, how, what it will cost."""
    build = Build(workbench, workbench.recipe(workbench.recipe_names()[0]))
    with gr.Row(elem_classes="cols three build"):
        draw_what(build)
        draw_how(build)
        draw_cost(build)
    lens_data = gr.HTML(
        {},
        html_template="<i></i>",
        elem_classes="hidden-field",
        apply_default_css=False,
        js_on_load="watch('value', () => kdui.load('lenses.js').then(() => kdui.lenses.feed(props.value)))",
    )
    build.pictures = [lens_data, create_what_if(workbench)]
    connect_build(build, page_state)
    connect_actions(build, build.actions)


def _shows(update: Any, now: Any) -> bool:
    """Whether a control that holds ``now`` shows the update's value."""
    return bool((update.get("value", now) if isinstance(update, dict) else update) == now)


def _alike(update: Any, other: Any) -> bool:
    """Whether two updates say the same but for their value."""
    if not isinstance(update, dict):
        return True
    return {**update, "value": None} == {**other, "value": None}
