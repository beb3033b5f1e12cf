"""Build: what to distill, how, and what it will cost before it starts."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from kdui.catalogue.defaults import NO_TEACHER
from kdui.catalogue.methods import trains_student
from kdui.core.contracts import Method
from kdui.core.errors import KduiError
from kdui.core.recipe import ModelRef, Recipe
from kdui.core.views import ModelCard
from kdui.ui import build_facts
from kdui.ui.build_actions import Actions, connect_actions, draw_actions
from kdui.ui.build_events import connect_build
from kdui.ui.chooser import draw_chooser, grouped
from kdui.ui.forms import Form, Knob, draw_form, knobs
from kdui.ui.model_options import apart, draw_options, joined
from kdui.ui.recipe_form import Choices, compose, pack, settings_of, unpack
from kdui.ui.shared_form import SharedForm
from kdui.ui.shell import READ, PageState
from kdui.ui.what_if import create_what_if

DISTILL = "distill"  # stands for all methods that train the student
WITHOUT = "No teacher"
APART = ("control", "smooth_control")  # drawn in the first column, beside the student whom they concern


class Build:
    """The tab's components and what they mean; one instance a page, no state of a visitor."""

    def __init__(self, workbench: Any, first: Recipe):
        self.workbench = workbench
        methods: list[Method] = workbench.methods()
        self.distillers = grouped(method for method in methods if trains_student(method))
        self.methods = [method for method in methods if not trains_student(method) or method.name == DISTILL]
        self.order = {method.name: method.order for method in methods}
        self.optional = [method.name for method in self.methods if method.group != "deliver"]
        self.tasks = {task.name: task for task in workbench.tasks()}
        self.first = first
        self.shared = SharedForm(DISTILL, self.distillers)
        self.forms: dict[str, Form] = {}
        self.switches: dict[str, gr.Checkbox] = {}

    @property
    def pictured(self) -> list[Form]:
        """Forms of their own whose knobs have lenses."""
        return [self.forms[method.name] for method in self.methods if _has_lens(method)]

    # --- reading and showing -----------------------------------------------------------------------------------------

    @property
    def inputs(self) -> list[Any]:
        """All that decides the recipe, in the order that ``recipe`` reads."""
        return [
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
        return self.inputs[6:]

    @property
    def filled(self) -> list[Any]:
        """All that a recipe fills when it is shown as a whole."""
        sweep = self.actions.sweep
        return [self.start, *self.inputs, self.chooser, sweep.knob, sweep.second, sweep.count]

    @property
    def fact_views(self) -> list[Any]:
        """Where ``facts`` is shown."""
        return [self.task_card, self.teacher_card, self.student_card]

    @property
    def texts(self) -> list[Any]:
        """Where ``said_as_text`` is shown."""
        return [self.actions.yaml, self.actions.command]

    def recipe(self, *shown: Any) -> Recipe:
        """The recipe that the form says; raises RecipeError in words."""
        base, task, teacher, student, distiller, options, seed, *rest = shown

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

    def show(self, recipe: Recipe) -> list[Any]:
        """Updates of ``inputs`` that show a recipe."""
        task = self.tasks.get(recipe.task)
        modality = task.modality if task else None
        teacher, student = _ref(recipe.teacher) or NO_TEACHER, _ref(recipe.student)
        students = self.workbench.students(recipe.task, teacher)
        chosen, options = apart(student or (students[0].ref if students else None))
        shows = {role: self._shows(recipe, role) for role in ("teacher", "student")}
        distiller = self.distiller_of(recipe)
        parts = {name: settings_of(recipe, distiller if name == DISTILL else name) for name in (DISTILL, *self.forms)}
        return [
            pack(recipe),
            recipe.task,
            gr.update(choices=self._teacher_choices(recipe.task), value=teacher),
            gr.update(choices=_choices(students), value=chosen),
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

    def _shows(self, recipe: Recipe, role: str) -> tuple[str, ...] | None:
        """The inner values of the recipe's teacher or student; None where they are not known."""
        model = _ref(getattr(recipe, role))
        return self.workbench.inner_values(recipe.task, model) if model else None

    def _teacher_choices(self, task: str) -> list[tuple[str, str]]:
        return [*_choices(self.workbench.teachers(task)), (WITHOUT, NO_TEACHER)]

    def values(self, recipe: Recipe) -> list[Any]:
        """What ``inputs`` hold when they show a recipe."""
        return [each.get("value") if isinstance(each, dict) else each for each in self.show(recipe)]

    def chooser_state(self, recipe: Recipe) -> dict[str, Any]:
        """What the chooser shows: the method, and why others do not suit these models as they stand."""
        return {"method": self.distiller_of(recipe), "unfit": self.workbench.unfit_methods(recipe)}

    def facts(self, recipe: Recipe) -> list[str]:
        """Cards of a recipe's task and models."""
        task, teacher, student = self.tasks.get(recipe.task), _ref(recipe.teacher), _ref(recipe.student)
        metric = task.headline.title if task else "accuracy"
        return [
            build_facts.task_facts(task) if task else "",
            build_facts.model_facts(self._known(recipe, recipe.teacher, "teacher"), teacher, metric)
            if teacher
            else build_facts.no_teacher(),
            build_facts.model_facts(self._known(recipe, recipe.student, "student"), student, metric)
            if student
            else build_facts.no_student(),
        ]

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

    # --- drawing -------------------------------------------------------------------------------------------------------

    def draw_what(self) -> None:
        with gr.Column(elem_classes="card what"):
            gr.HTML('<h2 class="label">What</h2>')
            self.base = gr.Textbox(pack(self.first), elem_id="build-base", elem_classes="hidden-field", label="Base recipe")
            self.filled_at = gr.Textbox(elem_id="build-filled", elem_classes="hidden-field", label="When the form was filled")
            choices = self.recipe_choices()
            self.start = gr.Dropdown(choices, value=choices[0][1], label="Start from", elem_id="build-start", interactive=True)
            with gr.Column(elem_classes="pick"):
                self.task = gr.Dropdown(
                    [(task.title, name) for name, task in self.tasks.items()],
                    value=self.first.task,
                    label="Task",
                    elem_id="build-task",
                    interactive=True,
                )
                self.task_card = gr.HTML(elem_id="build-task-facts")
            self.teacher, self.teacher_card = self._draw_model(
                "teacher", self._teacher_choices(self.first.task), _ref(self.first.teacher)
            )
            students = self.workbench.students(self.first.task, _ref(self.first.teacher))
            self.student, self.student_card = self._draw_model("student", _choices(students), _ref(self.first.student))
            for slot in self.shared.knobs:
                if slot.name in APART:
                    self._draw_shared(slot)
            info = "Decides initial weights, order and dropout."
            self.seed = gr.Number(self.first.seed, label="Seed", info=info, elem_id="build-seed", elem_classes="inline")

    def _draw_model(self, role: str, choices: list[tuple[str, str]], ref: str | None) -> tuple[gr.Dropdown, gr.HTML]:
        with gr.Column(elem_classes=f"pick {role}"):
            picker = gr.Dropdown(
                choices,
                value=apart(ref)[0] if role == "student" else ref,
                label=role.capitalize(),
                allow_custom_value=True,
                elem_id=f"build-{role}",
                interactive=True,
            )
            facts = gr.HTML(elem_id=f"build-{role}-facts")
            if role == "student":
                self.options = draw_options(ref)
            return picker, facts

    def draw_how(self) -> None:
        task = self.tasks.get(self.first.task)
        with gr.Column(elem_classes="card how"):
            gr.HTML('<h2 class="label">How</h2>')
            for method in self.methods:
                suits = task is None or method.modality in ("", task.modality)
                with gr.Column(elem_classes="step", elem_id=f"step-{method.name}", visible=suits) as step:
                    self._draw_step(method, task.modality if task else None)
                if method.modality:
                    self.task.change(partial(self._suits, method), self.task, step, **READ)

    def _suits(self, method: Method, task: str) -> Any:
        """Draw a step only for the kind of task that it is for."""
        return gr.update(visible=task not in self.tasks or self.tasks[task].modality == method.modality)

    def _draw_step(self, method: Method, modality: str | None) -> None:
        """Its switch or name, then its knobs; the stylesheet hides the knobs of a step that is off, and their lenses live on."""
        settings = settings_of(self.first, self.distiller_of(self.first) if method.name == DISTILL else method.name)
        folded = all(knob.advanced for knob in knobs(method.spec))
        if method.name in self.optional:
            several = method.name == DISTILL
            self.switches[method.name] = gr.Checkbox(
                settings is not None,
                label="Distill" if several else method.title,
                info="Train the student under the teacher, in the way chosen here." if several else method.summary,
                elem_id=f"use-{method.name}",
                elem_classes="step-head",
                interactive=True,
            )
        elif not folded:
            gr.HTML(f'<div class="step-head"><b>{method.title}</b><span>{method.summary}</span></div>')
        pictured = _has_lens(method)
        # A step without lenses is not even built in the browser while it is off: the page is up sooner.
        with gr.Column(elem_classes="step-body", visible=settings is not None or pictured or method.name == DISTILL) as body:
            if method.name == DISTILL:
                self._draw_distillation()
                return
            self.forms[method.name] = draw_form(
                method.name,
                method.spec,
                settings or {},
                modality=modality,
                shows=self._shows(self.first, "teacher") if method.name == "teach" else None,
                lens=partial(self._draw_lens, settings=settings or {}) if pictured else None,
                fold=method.title if folded else "More settings",
            )
        if method.name in self.optional and not pictured:
            switch = self.switches[method.name]
            switch.change(lambda on: gr.update(visible=on), switch, body, **READ)

    def _draw_distillation(self) -> None:
        """The choice of a method, and the form that all of them share."""
        first = self.distiller_of(self.first)
        self.chooser, self.picked = draw_chooser(self.distillers, first, self.workbench.unfit_methods(self.first))
        self.distiller = gr.Textbox(first, elem_id="build-distiller", elem_classes="hidden-field", label="Shown method")
        lens = partial(self._draw_lens, settings=settings_of(self.first, first) or {})
        self.shared.draw(self._draw_shared, self.distiller, lens, "More settings")

    def _draw_shared(self, slot: Knob) -> Any:
        task, first = self.tasks.get(self.first.task), self.distiller_of(self.first)
        settings, shows = settings_of(self.first, first) or {}, self._shows(self.first, "student")
        return self.shared.drawer(first, settings, task.modality if task else None, shows)(slot)

    def _draw_lens(self, knob: Knob, settings: Mapping[str, Any]) -> None:
        """The picture beside a knob; it begins where the first recipe has the knob."""
        shown = knob.shown(settings.get(knob.name, knob.default))
        gr.HTML(
            f'<div class="lens" data-lens="{knob.lens}" data-value="{shown}"></div>',
            elem_classes="knob-lens",
            js_on_load="kdui.load('lenses.js').then(() => kdui.lenses.mount(element.querySelector('.lens')))",
        )

    def draw_cost(self) -> None:
        with gr.Column(elem_classes="card cost-card"):
            gr.HTML('<h2 class="label">What it will cost <span class="prov">● measured ○ estimated</span></h2>')
            self.cost = gr.HTML(build_facts.ESTIMATING, elem_id="build-cost")
            self.actions: Actions = draw_actions(self)
            gr.HTML('<a class="to-what-if" href="#whatif-panel">What if it were compressed after training?</a>')


def create_build(workbench: Any, page_state: PageState) -> None:
    """Three columns: what, how, what it will cost."""
    build = Build(workbench, workbench.recipe(workbench.recipe_names()[0]))
    with gr.Row(elem_classes="cols three build"):
        build.draw_what()
        build.draw_how()
        build.draw_cost()
    lens_data = gr.HTML(
        {},
        html_template="<i></i>",
        elem_classes="hidden-field",
        apply_default_css=False,
        js_on_load="watch('value', () => kdui.load('lenses.js').then(() => kdui.lenses.feed(props.value)))",
    )
    connect_build(build, page_state, lens_data, create_what_if(workbench))
    connect_actions(build, build.actions)


def _choices(cards: Sequence[ModelCard]) -> list[tuple[str, str]]:
    return [(card.title, card.ref) for card in cards]


def _has_lens(method: Method) -> bool:
    return method.group == "compress" and any(knob.lens for knob in knobs(method.spec))


def _ref(model: Any) -> str | None:
    return str(model) if model is not None else None
