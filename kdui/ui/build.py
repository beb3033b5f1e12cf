"""Build: what to distill, how, and what it will cost before it starts."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from kdui.core.contracts import Method
from kdui.core.recipe import Recipe
from kdui.core.views import ModelCard
from kdui.ui import build_facts
from kdui.ui.build_actions import Actions, connect_actions, draw_actions
from kdui.ui.build_events import connect_build
from kdui.ui.forms import Form, Knob, draw_form, draw_knob, knobs
from kdui.ui.recipe_form import Choices, compose, pack, settings_of, unpack
from kdui.ui.shell import PageState

ELSEWHERE = {"distill": ("control",)}  # drawn in the first column, beside the student it concerns


class Build:
    """The tab's components and what they mean; one instance a page, no state of a visitor."""

    def __init__(self, workbench: Any, first: Recipe):
        self.workbench = workbench
        self.methods: list[Method] = [
            method for method in workbench.methods() if method.group != "distill" or method.name == "distill"
        ]
        self.order = {method.name: method.order for method in self.methods}
        self.optional = [method.name for method in self.methods if method.group in ("distill", "compress")]
        self.tasks = {task.name: task for task in workbench.tasks()}
        self.first = first
        self.forms: dict[str, Form] = {}
        self.switches: dict[str, gr.Checkbox] = {}

    # --- reading and showing -----------------------------------------------------------------------------------------

    @property
    def inputs(self) -> list[Any]:
        """All that decides the recipe, in the order that ``recipe`` reads."""
        return [
            self.base,
            self.task,
            self.teacher,
            self.student,
            self.seed,
            self.control,
            *self.switches.values(),
            *(control for form in self.forms.values() for control in form.components),
        ]

    @property
    def knob_inputs(self) -> list[Any]:
        """Those that change settings only; task and models fill the form anew."""
        return self.inputs[4:]

    @property
    def fact_views(self) -> list[Any]:
        """Where ``facts`` is shown."""
        return [self.task_card, self.teacher_card, self.student_card, self.actions.yaml, self.actions.command]

    def recipe(self, *shown: Any) -> Recipe:
        """The recipe that the form says; raises RecipeError in words."""
        base, task, teacher, student, seed, control, *rest = shown
        on = dict(zip(self.switches, rest, strict=False))
        rest = rest[len(self.switches) :]
        stages: dict[str, dict[str, Any] | None] = {}
        for name, form in self.forms.items():
            part, rest = rest[: len(form.components)], rest[len(form.components) :]
            stages[name] = form.changed(part) if on.get(name, True) else None
        if stages.get("distill") is not None and not control:
            stages["distill"] = {**(stages["distill"] or {}), "control": False}
        return compose(unpack(base), Choices(task, teacher, student, seed or 0, stages), self.order)

    def show(self, recipe: Recipe) -> list[Any]:
        """Updates of ``inputs`` that show a recipe."""
        task = self.tasks.get(recipe.task)
        teacher, student = _ref(recipe.teacher), _ref(recipe.student)
        teachers = self.workbench.teachers(recipe.task)
        students = self.workbench.students(recipe.task, teacher) if teacher else []
        chosen = student or (students[0].ref if students else None)
        parts = {name: settings_of(recipe, name) for name in self.forms}
        on = [parts[name] is not None for name in self.switches]
        controls = [
            update
            for name, form in self.forms.items()
            for update in form.updates(parts[name] or {}, task.modality if task else None)
        ]
        return [
            pack(recipe),
            recipe.task,
            gr.update(choices=_choices(teachers), value=teacher),
            gr.update(choices=_choices(students), value=chosen),
            recipe.seed,
            (parts.get("distill") or {}).get("control", True),
            *on,
            *controls,
        ]

    def facts(self, recipe: Recipe) -> list[str]:
        """Cards, YAML and command of a recipe."""
        task, teacher, student = self.tasks.get(recipe.task), _ref(recipe.teacher), _ref(recipe.student)
        metric = task.headline.title if task else "accuracy"
        cards = [
            build_facts.task_facts(task) if task else "",
            build_facts.model_facts(_card(self.workbench.teachers(recipe.task), teacher), teacher, metric),
            build_facts.model_facts(_card(self.workbench.students(recipe.task, teacher), student), student, metric)
            if student
            else build_facts.no_student(),
        ]
        command = self.workbench.command(recipe).replace(" --set ", " \\\n  --set ")
        return [*cards, self.workbench.recipe_yaml(recipe), command]

    def recipe_choices(self) -> list[tuple[str, str]]:
        """Title and name of each recipe, for Start from."""
        names, recipes = self.workbench.recipe_names(), self.workbench.recipes()
        return [(recipe.name or name, name) for name, recipe in zip(names, recipes, strict=True)]

    # --- drawing -------------------------------------------------------------------------------------------------------

    def draw_what(self) -> None:
        with gr.Column(elem_classes="card what"):
            gr.HTML('<h2 class="label">What</h2>')
            self.base = gr.Textbox(pack(self.first), elem_id="build-base", elem_classes="hidden-field", label="Base recipe")
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
                "teacher", self.workbench.teachers(self.first.task), _ref(self.first.teacher)
            )
            self.student, self.student_card = self._draw_model(
                "student", self.workbench.students(self.first.task, _ref(self.first.teacher)), _ref(self.first.student)
            )
            control = next(
                knob
                for method in self.methods
                if method.name == "distill"
                for knob in knobs(method.spec)
                if knob.name == "control"
            )
            self.control = draw_knob("distill", control, (settings_of(self.first, "distill") or {}).get("control", True))
            info = "Decides initial weights, order and dropout."
            self.seed = gr.Number(self.first.seed, label="Seed", info=info, elem_id="build-seed", elem_classes="inline")

    def _draw_model(self, role: str, cards: Sequence[ModelCard], value: str | None) -> tuple[gr.Dropdown, gr.HTML]:
        with gr.Column(elem_classes=f"pick {role}"):
            picker = gr.Dropdown(
                _choices(cards),
                value=value,
                label=role.capitalize(),
                allow_custom_value=True,
                elem_id=f"build-{role}",
                interactive=True,
            )
            return picker, gr.HTML(elem_id=f"build-{role}-facts")

    def draw_how(self) -> None:
        task = self.tasks.get(self.first.task)
        with gr.Column(elem_classes="card how"):
            gr.HTML('<h2 class="label">How</h2>')
            for method in self.methods:
                with gr.Column(elem_classes="step", elem_id=f"step-{method.name}"):
                    self._draw_step(method, task.modality if task else None)

    def _draw_step(self, method: Method, modality: str | None) -> None:
        """Its switch or name, then its knobs; the stylesheet hides the knobs of a step that is off, and their lenses live on."""
        settings = settings_of(self.first, method.name)
        folded = all(knob.advanced for knob in knobs(method.spec))
        if method.name in self.optional:
            self.switches[method.name] = gr.Checkbox(
                settings is not None,
                label=method.title,
                info=method.summary,
                elem_id=f"use-{method.name}",
                elem_classes="step-head",
                interactive=True,
            )
        elif not folded:
            gr.HTML(f'<div class="step-head"><b>{method.title}</b><span>{method.summary}</span></div>')
        with gr.Column(elem_classes="step-body"):
            self.forms[method.name] = draw_form(
                method.name,
                method.spec,
                settings or {},
                modality=modality,
                lens=self._draw_lens,
                elsewhere=ELSEWHERE.get(method.name, ()),
                fold=method.title if folded else "More settings",
            )

    def _draw_lens(self, knob: Knob) -> None:
        stage = next(settings_of(self.first, method.name) for method in self.methods if knob in knobs(method.spec)) or {}
        gr.HTML(
            f'<div class="lens" data-lens="{knob.lens}" data-value="{knob.shown(stage.get(knob.name, knob.default))}"></div>',
            elem_classes="knob-lens",
            js_on_load="kdui.load('lenses.js').then(() => kdui.lenses.mount(element.querySelector('.lens')))",
        )

    def draw_cost(self) -> None:
        with gr.Column(elem_classes="card cost-card"):
            gr.HTML('<h2 class="label">What it will cost <span class="prov">● measured ○ estimated</span></h2>')
            self.cost = gr.HTML(build_facts.ESTIMATING, elem_id="build-cost")
            self.actions: Actions = draw_actions(self.workbench, self.methods)


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
    connect_build(build, page_state, lens_data)
    connect_actions(build, build.actions)


def _choices(cards: Sequence[ModelCard]) -> list[tuple[str, str]]:
    return [(card.title, card.ref) for card in cards]


def _card(cards: Sequence[ModelCard], ref: str | None) -> ModelCard | None:
    return next((card for card in cards if card.ref == ref), None)


def _ref(model: Any) -> str | None:
    return str(model) if model is not None else None
