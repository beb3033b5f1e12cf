"""Build's buttons: queue one run or a sweep, save the recipe, copy it as YAML or as a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import prod
from typing import TYPE_CHECKING, Any

import gradio as gr

from kdui.catalogue.recipe_files import AlreadySaved
from kdui.charts.gains import method_gains, seeds_sentence
from kdui.core.errors import KduiError, RecipeError
from kdui.core.recipe import Recipe
from kdui.ui.build_facts import problem_html
from kdui.ui.forms import Knob, knobs
from kdui.ui.recipe_form import sweep_seeds, sweep_values
from kdui.ui.shared_form import SharedForm
from kdui.ui.shell import PLAIN, READ

if TYPE_CHECKING:
    from kdui.ui.build import Build

NO_SECOND = ("nothing else", "")
NEVER_SWEPT = ("control", "smooth_control", "cache_teacher")  # they change what is kept or measured beside, not the student

# Queueing writes to the store: one at a time keeps the order in which people clicked.
WRITE: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "queue",
    "concurrency_limit": 1,
    **PLAIN,
}


@dataclass(frozen=True)
class Sweep:
    """The panel that queues several runs at once: all values of one setting, or each value of one with each of another."""

    knob: gr.Dropdown
    values: gr.Textbox
    second: gr.Dropdown
    second_values: gr.Textbox
    seeds: gr.Number
    effect: gr.Number
    needed: gr.HTML
    count: gr.HTML
    queue: gr.Button
    forms: dict[str, tuple[Knob, ...]]

    @property
    def inputs(self) -> list[Any]:
        return [self.knob, self.values, self.second, self.second_values, self.seeds]

    def updates(self, shared: SharedForm, distiller: str) -> tuple[Any, Any]:
        """Updates of both lists for the method that trains the student."""
        choices = sweep_choices(self.forms, shared, distiller)
        return gr.update(choices=choices, value=choices[0][1]), gr.update(choices=[NO_SECOND, *choices], value="")

    def find(self, shared: SharedForm, distiller: str, key: str) -> tuple[str, Knob]:
        """Method and knob of a choice; raises RecipeError where the method at work has no such setting."""
        place, _, name = key.partition(".")
        method, form = (distiller, shared.knobs_of[distiller]) if place == shared.method else (place, self.forms[place])
        knob = next((knob for knob in form if knob.name == name), None)
        if knob is None:
            raise RecipeError(f"'{method}' has no setting '{name}': choose another one to sweep.")
        return method, knob


@dataclass(frozen=True)
class Actions:
    """Components of the third column below the estimate."""

    command: gr.Textbox
    device: gr.Dropdown
    sum: gr.HTML
    status: gr.HTML
    queue: gr.Button
    sweep: Sweep
    save_name: gr.Textbox
    save: gr.Button
    replace: gr.Button
    yaml: gr.Textbox
    load_yaml: gr.Button


# --- drawing ------------------------------------------------------------------------------------------------------------


def draw_actions(build: Build) -> Actions:
    """Draw them here. The panels of sweep and save open below their buttons."""
    as_yaml, as_command = build.said_as_text(build.first)
    command = gr.Textbox(
        as_command,
        label="The same as a command",
        lines=1,
        max_lines=8,
        interactive=False,
        elem_id="build-command",
        elem_classes="code",
        buttons=["copy"],
    )
    device = gr.Dropdown(
        build.workbench.devices(),
        value="auto",
        label="Run on",
        elem_id="build-device",
        elem_classes="inline",
        filterable=False,
        interactive=True,
    )
    with gr.Column(elem_id="build-bar"):
        status = gr.HTML(elem_id="build-status", apply_default_css=False)
        total = gr.HTML(elem_id="build-sum", apply_default_css=False)
        with gr.Row(elem_classes="buttons"):
            queue = gr.Button("Queue run", variant="primary", elem_id="queue-run", min_width=0)
            sweep_open = gr.Button("Queue a sweep…", elem_id="open-sweep", min_width=0)
            save_open = gr.Button("Save recipe", elem_id="open-save", min_width=0)
    with gr.Column(visible=False, elem_classes="drawer", elem_id="sweep-panel") as sweep_panel:
        sweep = _draw_sweep(build)
    with gr.Column(visible=False, elem_classes="drawer", elem_id="save-panel") as save_panel:
        save_name = gr.Textbox(label="Name", placeholder="Name of the recipe", elem_id="save-name")
        save = gr.Button("Save", variant="primary", elem_id="save-recipe")
        replace = gr.Button("Replace it", elem_id="replace-recipe", visible=False)
    yaml, load_yaml = _draw_yaml(as_yaml)
    _toggle(sweep_open, sweep_panel)
    _toggle(save_open, save_panel)
    return Actions(command, device, total, status, queue, sweep, save_name, save, replace, yaml, load_yaml)


def _draw_sweep(build: Build) -> Sweep:
    forms = {method.name: knobs(method.spec) for method in build.methods if method.group != "deliver"}
    choices = sweep_choices(forms, build.shared, build.distiller_of(build.first))
    return Sweep(
        knob=gr.Dropdown(choices, value=choices[0][1], label="Setting", elem_id="sweep-knob", interactive=True),
        values=gr.Textbox(label="Values", placeholder="1, 2, 4, 8", info="Separated by commas.", elem_id="sweep-values"),
        second=gr.Dropdown(
            [NO_SECOND, *choices],
            value="",
            label="With each value of",
            info="A second setting makes a grid.",
            elem_id="sweep-second",
            interactive=True,
        ),
        second_values=gr.Textbox(label="Values of the second", placeholder="0.3, 0.6, 0.9", elem_id="sweep-second-values"),
        seeds=gr.Number(1, label="Seeds", info="Repeats of each value, for error bars.", elem_id="sweep-seeds"),
        effect=gr.Number(
            None, label="Difference to see (points)", info="Says how many seeds it takes.", minimum=0, elem_id="sweep-effect"
        ),
        needed=gr.HTML(elem_id="sweep-needed"),
        count=gr.HTML(elem_id="sweep-count"),
        queue=gr.Button("Queue these runs", variant="primary", elem_id="queue-sweep"),
        forms=forms,
    )


def _draw_yaml(first: str) -> tuple[gr.Textbox, gr.Button]:
    with gr.Accordion("The same as YAML", open=False, elem_id="build-yaml-fold", elem_classes="more"):
        text = gr.Textbox(
            first,
            label="Recipe as YAML",
            lines=14,
            max_lines=30,
            elem_id="build-yaml",
            elem_classes="code",
            buttons=["copy"],
            interactive=True,
        )
        return text, gr.Button("Load this YAML", elem_id="load-yaml")


def _toggle(button: gr.Button, panel: gr.Column) -> None:
    opened = gr.Checkbox(False, elem_classes="hidden-field", label="Panel is open")
    shown = button.click(lambda now: (not now, gr.update(visible=not now)), opened, [opened, panel], **READ)
    js = f"() => document.querySelector('#{panel.elem_id}')?.scrollIntoView({{block: 'center', behavior: 'smooth'}})"
    shown.then(fn=None, js=js, api_visibility="private")


def sweep_choices(forms: dict[str, tuple[Knob, ...]], shared: SharedForm, distiller: str) -> list[tuple[str, str]]:
    """Title and dotted name of what can be swept; knobs with a lens first, because those are the ones that people sweep.

    The settings of the student's method are called by the place that all such methods share.
    """
    found = [
        (place, knob)
        for place, form in (forms | {shared.method: shared.knobs_of[distiller]}).items()
        for knob in form
        if knob.name not in NEVER_SWEPT
    ]
    found.sort(key=lambda item: (item[1].advanced, not item[1].lens, item[0] != shared.method))
    return [(f"{place.replace('_', ' ').capitalize()} · {knob.title}", f"{place}.{knob.name}") for place, knob in found]


# --- doing --------------------------------------------------------------------------------------------------------------


def connect_actions(build: Build, actions: Actions) -> None:
    """Bind the buttons; every problem is said in words in the status line."""
    sweep = actions.sweep

    def queue(device: str, *shown: Any) -> str:
        run = build.workbench.submit(build.recipe(*shown), device)
        return _done(f"Queued “{escape(run.name)}”", run.id)

    def count(*given: Any) -> str:
        wanted, shown = given[: len(sweep.inputs)], given[len(sweep.inputs) :]
        return _count(_grid(build, wanted, shown)[1]) if any((text or "").strip() for text in (wanted[1], wanted[3])) else ""

    def needed(effect: float | None, *shown: Any) -> str:
        return _needed(build, effect, build.recipe(*shown).task)

    def queue_sweep(device: str, *given: Any) -> str:
        wanted, shown = given[: len(sweep.inputs)], given[len(sweep.inputs) :]
        runs = build.workbench.submit_sweep(*_grid(build, wanted, shown), device)
        return _done(f"{len(runs)} runs queued" if len(runs) > 1 else "1 run queued", runs[0].id)

    def save(name: str, *shown: Any) -> Any:
        return _save(build, name, shown)

    def overwrite(name: str, *shown: Any) -> Any:
        return _save(build, name, shown, replace=True)

    actions.queue.click(_guarded(queue), [actions.device, *build.inputs], actions.status, **WRITE)
    gr.on(
        [sweep.knob.input, sweep.values.change, sweep.second.input, sweep.second_values.change, sweep.seeds.input],
        _guarded(count),
        [*sweep.inputs, *build.inputs],
        sweep.count,
        trigger_mode="always_last",
        **READ,
        **PLAIN,
    )
    sweep.effect.change(
        _guarded(needed), [sweep.effect, *build.inputs], sweep.needed, trigger_mode="always_last", **READ, **PLAIN
    )
    sweep.queue.click(_guarded(queue_sweep), [actions.device, *sweep.inputs, *build.inputs], actions.status, **WRITE)
    saved = [actions.status, build.start, actions.replace, build.edited]
    actions.save.click(save, [actions.save_name, *build.inputs], saved, **WRITE)
    actions.replace.click(overwrite, [actions.save_name, *build.inputs], saved, **WRITE)
    actions.save_name.input(lambda: gr.update(visible=False), None, actions.replace, **READ)


def _guarded(work: Callable[..., str]) -> Callable[..., str]:
    """What the work says, or the problem in words."""

    def run(*given: Any) -> str:
        try:
            return work(*given)
        except KduiError as problem:
            return problem_html(str(problem))

    return run


def _grid(build: Build, wanted: Sequence[Any], shown: Sequence[Any]) -> tuple[Recipe, dict[str, list[Any]]]:
    """The recipe and the values to try, each checked by itself; raises RecipeError in words."""
    recipe, sweep = build.recipe(*shown), build.actions.sweep
    key, text, second, second_text, seeds = wanted
    if second == key:
        raise RecipeError("A grid needs two different settings: choose another one for 'With each value of'.")
    values: dict[str, list[Any]] = {}
    for name, given in ((key, text), *([(second, second_text)] if second else [])):
        values |= sweep_values(recipe, *sweep.find(build.shared, build.distiller_of(recipe), name), given or "")
    for name, each in values.items():
        for value in each:
            build.workbench.check(recipe.with_values({name: value}))
    return recipe, values | sweep_seeds(recipe, int(seeds or 1))


def _needed(build: Build, effect: float | None, task: str) -> str:
    """How many seeds a wished difference takes on this task; nothing without a wish."""
    if effect is None:
        return ""
    if not effect > 0:
        raise RecipeError(f"Difference to see: give a number of points above 0 instead of {effect:g}.")
    facts = next(item for item in build.workbench.tasks() if item.name == task)
    gains = method_gains(build.workbench.points(task), facts.headline, facts.splits["test"])
    return f'<p class="lead">{escape(seeds_sentence(gains, effect, facts.headline.difference_unit))}</p>'


def _count(values: dict[str, list[Any]]) -> str:
    """36 runs: 4 × temperature, 3 × soft weight, 3 seeds each."""
    runs = prod(len(each) for each in values.values())
    product = ", ".join(
        f"{len(each)} seeds each" if name == "seed" else f"{len(each)} × {name.rpartition('.')[2].replace('_', ' ')}"
        for name, each in values.items()
    )
    return f'<p class="lead"><b>{runs} {"run" if runs == 1 else "runs"}</b>: {escape(product)}</p>'


def _save(build: Build, name: str, shown: Sequence[Any], *, replace: bool = False) -> tuple[Any, ...]:
    """What is said, Start from with the new name, whether the way to replace one is shown, the mark of an edited recipe."""
    kept, hidden = gr.skip(), gr.update(visible=False)
    if not (name or "").strip():
        return problem_html("Give the recipe a name first."), kept, hidden, kept
    try:
        recipe = build.recipe(*shown).model_copy(update={"name": name.strip()})
        slug = build.workbench.save_recipe(recipe, name.strip(), replace=replace)
    except AlreadySaved as problem:
        return problem_html(str(problem)), kept, gr.update(visible=True), kept
    except KduiError as problem:
        return problem_html(str(problem)), kept, hidden, kept
    words = f'<div class="win" role="status">Saved as “{escape(slug)}”: it stands under Start from.</div>'
    return words, gr.update(choices=build.recipe_choices(), value=slug), hidden, ""


def _done(text: str, run_id: str) -> str:
    return f'<div class="win" role="status">{text} · <a href="?tab=runs&amp;run={escape(run_id)}">Watch</a></div>'
