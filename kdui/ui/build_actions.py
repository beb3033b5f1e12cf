"""Build's buttons: queue one run or a sweep, save the recipe, copy it as YAML or as a command."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from math import prod
from typing import Any

import gradio as gr

from kdui.core.contracts import Method
from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.ui.build_facts import problem_html
from kdui.ui.forms import Knob, knobs, refused_in_words
from kdui.ui.recipe_form import sweep_values
from kdui.ui.shell import READ

# Queueing writes to the store: one at a time keeps the order in which people clicked.
WRITE: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "queue",
    "concurrency_limit": 1,
}


@dataclass(frozen=True)
class Actions:
    """Components of the third column below the estimate."""

    device: gr.Dropdown
    queue: gr.Button
    status: gr.HTML
    sweep_knob: gr.Dropdown
    sweep_text: gr.Textbox
    sweep_seeds: gr.Number
    sweep_count: gr.HTML
    sweep: gr.Button
    save_name: gr.Textbox
    save: gr.Button
    yaml: gr.Textbox
    load_yaml: gr.Button
    command: gr.Textbox
    knobs: dict[str, tuple[str, Knob]]


def draw_actions(workbench: Any, methods: list[Method]) -> Actions:
    """Draw them here. The panels of sweep and save open below their buttons."""
    table = _sweepable(methods)
    command = gr.Textbox(
        label="The same as a command",
        lines=1,
        max_lines=8,
        interactive=False,
        elem_id="build-command",
        elem_classes="code copyable",
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
    with gr.Column(visible=False, elem_classes="panel", elem_id="sweep-panel") as sweep_panel:
        sweep_knob = gr.Dropdown(
            [(f"{method.capitalize()} · {knob.title}", key) for key, (method, knob) in table.items()],
            value=next(iter(table), None),
            label="Setting",
            elem_id="sweep-knob",
            interactive=True,
        )
        sweep_text = gr.Textbox(label="Values", placeholder="1, 2, 4, 8", info="Separated by commas.", elem_id="sweep-values")
        info = "Repeats of each value, for error bars."
        sweep_seeds = refused_in_words(
            gr.Number(1, label="Seeds", info=info, minimum=1, maximum=20, precision=0, elem_id="sweep-seeds")
        )
        sweep_count = gr.HTML(elem_id="sweep-count")
        sweep = gr.Button("Queue these runs", variant="primary", elem_id="queue-sweep")
    with gr.Column(visible=False, elem_classes="panel", elem_id="save-panel") as save_panel:
        save_name = gr.Textbox(label="Name", placeholder="Reuters, 4 bits", elem_id="save-name")
        save = gr.Button("Save", variant="primary", elem_id="save-recipe")
    with gr.Accordion("The same as YAML", open=False, elem_id="build-yaml-fold", elem_classes="more"):
        yaml = gr.Textbox(
            show_label=False,
            label="Recipe as YAML",
            lines=14,
            max_lines=30,
            elem_id="build-yaml",
            elem_classes="code",
            buttons=["copy"],
            interactive=True,
        )
        load_yaml = gr.Button("Load this YAML", elem_id="load-yaml")
    _toggle(sweep_open, sweep_panel)
    _toggle(save_open, save_panel)
    return Actions(
        device,
        queue,
        status,
        sweep_knob,
        sweep_text,
        sweep_seeds,
        sweep_count,
        sweep,
        save_name,
        save,
        yaml,
        load_yaml,
        command,
        table,
    )


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
    rank = {True: 0, False: 1}
    return dict(sorted(found, key=lambda item: rank[bool(item[1][1].lens)] + 2 * item[1][1].advanced))


def done_html(text: str, run_id: str, link: str) -> str:
    return f'<div class="win" role="status">{text} <a href="?tab=runs&amp;run={escape(run_id)}">{link}</a></div>'


def connect_actions(build: Any, actions: Actions) -> None:
    """Bind the buttons; every problem is said in words in the status line."""
    bench = build.workbench

    def guarded(work: Callable[..., str]) -> Callable[..., str]:
        def run(*given: Any) -> str:
            try:
                return work(*given)
            except KduiError as problem:
                return problem_html(str(problem))

        return run

    def queue(device: str, *shown: Any) -> str:
        run = bench.submit(build.recipe(*shown), device)
        return done_html(f"Queued “{escape(run.name)}”.", run.id, "Watch it in Runs")

    def grid(key: str, text: str, seeds: float, *shown: Any) -> tuple[Recipe, dict[str, list[Any]]]:
        recipe = build.recipe(*shown)
        method, knob = actions.knobs[key]
        swept = sweep_values(recipe, method, knob, text or "", int(seeds or 1))
        for name, values in swept.items():
            for value in values:
                bench.check(recipe.with_values({name: value}))
        return recipe, swept

    def count(key: str, text: str, *rest: Any) -> str:
        if not (text or "").strip():
            return ""
        _, swept = grid(key, text, *rest)
        runs = prod(len(values) for values in swept.values())
        (_, values), *seeds = swept.items()
        product = f"{len(values)} × {actions.knobs[key][1].title}" + "".join(f", {len(each)} seeds each" for _, each in seeds)
        return f'<p class="lead"><b>{runs} {"run" if runs == 1 else "runs"}</b>: {escape(product)}</p>'

    def sweep(*given: Any) -> str:
        runs = bench.submit_sweep(*grid(*given))
        return done_html(f"Queued {len(runs)} runs.", runs[0].id, "Watch them in Runs")

    def save(name: str, *shown: Any) -> tuple[str, Any]:
        if not (name or "").strip():
            return problem_html("Give the recipe a name first."), gr.skip()
        try:
            slug = bench.save_recipe(build.recipe(*shown), name.strip())
        except KduiError as problem:
            return problem_html(str(problem)), gr.skip()
        choices = [(recipe.name or key, key) for key, recipe in zip(bench.recipe_names(), bench.recipes(), strict=True)]
        return f'<div class="win" role="status">Saved as “{escape(slug)}”: it stands under Start from.</div>', gr.update(
            choices=choices, value=slug
        )

    swept = [actions.sweep_knob, actions.sweep_text, actions.sweep_seeds]
    actions.queue.click(guarded(queue), [actions.device, *build.inputs], actions.status, **WRITE)
    gr.on(
        [actions.sweep_knob.input, actions.sweep_text.change, actions.sweep_seeds.input],
        guarded(count),
        [*swept, *build.inputs],
        actions.sweep_count,
        trigger_mode="always_last",
        **READ,
    )
    actions.sweep.click(guarded(sweep), [*swept, *build.inputs], actions.status, **WRITE)
    actions.save.click(save, [actions.save_name, *build.inputs], [actions.status, build.start], **WRITE)
