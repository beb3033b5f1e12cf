"""Build's buttons: queue one run or a sweep, save the recipe, copy it as YAML or as a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from math import prod
from typing import TYPE_CHECKING, Any

import gradio as gr

from kdui.core.contracts import Method
from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.ui.build_facts import problem_html
from kdui.ui.forms import Knob, knobs
from kdui.ui.recipe_form import sweep_values
from kdui.ui.shell import READ

if TYPE_CHECKING:
    from kdui.ui.build import Build

# Queueing writes to the store: one at a time keeps the order in which people clicked.
WRITE: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "queue",
    "concurrency_limit": 1,
}


@dataclass(frozen=True)
class Sweep:
    """The panel that queues several runs at once."""

    knob: gr.Dropdown
    values: gr.Textbox
    seeds: gr.Number
    count: gr.HTML
    queue: gr.Button
    knobs: dict[str, tuple[str, Knob]]

    @property
    def inputs(self) -> list[Any]:
        return [self.knob, self.values, self.seeds]


@dataclass(frozen=True)
class Actions:
    """Components of the third column below the estimate."""

    command: gr.Textbox
    device: gr.Dropdown
    status: gr.HTML
    queue: gr.Button
    sweep: Sweep
    save_name: gr.Textbox
    save: gr.Button
    yaml: gr.Textbox
    load_yaml: gr.Button


# --- drawing ------------------------------------------------------------------------------------------------------------


def draw_actions(workbench: Any, methods: list[Method]) -> Actions:
    """Draw them here. The panels of sweep and save open below their buttons."""
    command = gr.Textbox(
        label="The same as a command",
        lines=1,
        max_lines=8,
        interactive=False,
        elem_id="build-command",
        elem_classes="code",
        buttons=["copy"],
    )
    device = gr.Dropdown(
        workbench.devices(),
        value="auto",
        label="Run on",
        elem_id="build-device",
        elem_classes="inline",
        filterable=False,
        interactive=True,
    )
    status = gr.HTML(elem_id="build-status")
    queue = gr.Button("Queue run", variant="primary", elem_id="queue-run")
    with gr.Row(elem_classes="buttons"):
        sweep_open = gr.Button("Queue a sweep…", elem_id="open-sweep", min_width=0)
        save_open = gr.Button("Save recipe", elem_id="open-save", min_width=0)
    with gr.Column(visible=False, elem_classes="drawer", elem_id="sweep-panel") as sweep_panel:
        sweep = _draw_sweep(methods)
    with gr.Column(visible=False, elem_classes="drawer", elem_id="save-panel") as save_panel:
        save_name = gr.Textbox(label="Name", placeholder="Reuters, 4 bits", elem_id="save-name")
        save = gr.Button("Save", variant="primary", elem_id="save-recipe")
    yaml, load_yaml = _draw_yaml()
    _toggle(sweep_open, sweep_panel)
    _toggle(save_open, save_panel)
    return Actions(command, device, status, queue, sweep, save_name, save, yaml, load_yaml)


def _draw_sweep(methods: list[Method]) -> Sweep:
    table = _sweepable(methods)
    choices = [(f"{method.capitalize()} · {knob.title}", key) for key, (method, knob) in table.items()]
    return Sweep(
        knob=gr.Dropdown(choices, value=next(iter(table), None), label="Setting", elem_id="sweep-knob", interactive=True),
        values=gr.Textbox(label="Values", placeholder="1, 2, 4, 8", info="Separated by commas.", elem_id="sweep-values"),
        seeds=gr.Number(1, label="Seeds", info="Repeats of each value, for error bars.", elem_id="sweep-seeds"),
        count=gr.HTML(elem_id="sweep-count"),
        queue=gr.Button("Queue these runs", variant="primary", elem_id="queue-sweep"),
        knobs=table,
    )


def _draw_yaml() -> tuple[gr.Textbox, gr.Button]:
    with gr.Accordion("The same as YAML", open=False, elem_id="build-yaml-fold", elem_classes="more"):
        text = gr.Textbox(
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
    button.click(lambda now: (not now, gr.update(visible=not now)), opened, [opened, panel], **READ)


def _sweepable(methods: list[Method]) -> dict[str, tuple[str, Knob]]:
    """Dotted name -> (method, knob); knobs with a lens first, because those are the ones that people sweep."""
    found = [
        (f"{method.name}.{knob.name}", (method.name, knob))
        for method in methods
        if method.group != "deliver"
        for knob in knobs(method.spec)
    ]
    return dict(sorted(found, key=lambda item: (item[1][1].advanced, not item[1][1].lens)))


# --- doing --------------------------------------------------------------------------------------------------------------


def connect_actions(build: Build, actions: Actions) -> None:
    """Bind the buttons; every problem is said in words in the status line."""
    sweep = actions.sweep

    def queue(device: str, *shown: Any) -> str:
        run = build.workbench.submit(build.recipe(*shown), device)
        return _done(f"Queued “{escape(run.name)}”.", run.id, "Watch it in Runs")

    def count(key: str, text: str, seeds: float, *shown: Any) -> str:
        return _count(sweep.knobs[key][1], _grid(build, sweep, key, text, seeds, *shown)[1]) if (text or "").strip() else ""

    def queue_sweep(key: str, text: str, seeds: float, device: str, *shown: Any) -> str:
        runs = build.workbench.submit_sweep(*_grid(build, sweep, key, text, seeds, *shown), device)
        return _done(f"Queued {len(runs)} runs.", runs[0].id, "Watch them in Runs")

    def save(name: str, *shown: Any) -> Any:
        return _save(build, name, *shown)

    actions.queue.click(_guarded(queue), [actions.device, *build.inputs], actions.status, **WRITE)
    gr.on(
        [sweep.knob.input, sweep.values.change, sweep.seeds.input],
        _guarded(count),
        [*sweep.inputs, *build.inputs],
        sweep.count,
        trigger_mode="always_last",
        **READ,
    )
    sweep.queue.click(_guarded(queue_sweep), [*sweep.inputs, actions.device, *build.inputs], actions.status, **WRITE)
    actions.save.click(save, [actions.save_name, *build.inputs], [actions.status, build.start], **WRITE)


def _guarded(work: Callable[..., str]) -> Callable[..., str]:
    """What the work says, or the problem in words."""

    def run(*given: Any) -> str:
        try:
            return work(*given)
        except KduiError as problem:
            return problem_html(str(problem))

    return run


def _grid(build: Build, sweep: Sweep, key: str, text: str, seeds: float, *shown: Any) -> tuple[Recipe, dict[str, list[Any]]]:
    """The recipe and the values to try, each checked by itself; raises RecipeError in words."""
    recipe = build.recipe(*shown)
    method, knob = sweep.knobs[key]
    values = sweep_values(recipe, method, knob, text or "", int(seeds or 1))
    for name, each in values.items():
        for value in each:
            build.workbench.check(recipe.with_values({name: value}))
    return recipe, values


def _count(knob: Knob, values: dict[str, list[Any]]) -> str:
    """6 runs: 3 × Temperature, 2 seeds each."""
    runs = prod(len(each) for each in values.values())
    first, *seeds = values.values()
    product = f"{len(first)} × {knob.title}" + "".join(f", {len(each)} seeds each" for each in seeds)
    return f'<p class="lead"><b>{runs} {"run" if runs == 1 else "runs"}</b>: {escape(product)}</p>'


def _save(build: Build, name: str, *shown: Any) -> tuple[str, Any]:
    if not (name or "").strip():
        return problem_html("Give the recipe a name first."), gr.skip()
    try:
        recipe = build.recipe(*shown).model_copy(update={"name": name.strip()})
        slug = build.workbench.save_recipe(recipe, name.strip())
    except KduiError as problem:
        return problem_html(str(problem)), gr.skip()
    words = f'<div class="win" role="status">Saved as “{escape(slug)}”: it stands under Start from.</div>'
    return words, gr.update(choices=build.recipe_choices(), value=slug)


def _done(text: str, run_id: str, link: str) -> str:
    return f'<div class="win" role="status">{text} <a href="?tab=runs&amp;run={escape(run_id)}">{link}</a></div>'
