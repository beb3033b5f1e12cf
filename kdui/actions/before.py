"""Actions before anything runs: the machine, what there is, a recipe for a goal, what it will cost."""

import shutil
from typing import Annotated

from pydantic import Field

from kdui import machine
from kdui.actions.answers import Cost, Hardware, Proposal, Reason, RecipeRow, Recipes, Saved, TaskRow, Tasks
from kdui.actions.named import UNCHANGED, Changes, Given, recipe_of
from kdui.actions.registry import action
from kdui.catalogue.goals import goals
from kdui.workbench.guided_start import suggest
from kdui.workbench.workbench import Workbench

GOAL = f"What matters most: {', '.join(goals())}."


@action("reads")
def detect_hardware(bench: Workbench) -> Hardware:
    """Detect this machine's processor, GPUs and library versions: what a run can use here."""
    names, why = machine.look_for_gpus()
    home = bench.settings.home
    there = next((path for path in (home, *home.parents) if path.exists()), home)
    try:
        free = round(shutil.disk_usage(there).free / 1e9, 1)
    except OSError:
        free = None
    return Hardware(
        summary=machine.summary(),
        processor=machine.cpu_name(),
        cores=machine.cores(),
        quota_cores=machine.cpu_quota(),
        instruction_sets=tuple(machine.notable_flags()),
        gpus=tuple(names),
        gpus_missing="" if names else why,
        devices=tuple(bench.devices()),
        versions=machine.versions(),
        free_disk_gb=free,
        read_only=bench.settings.read_only,
    )


@action("reads")
def list_tasks(bench: Workbench) -> Tasks:
    """List the tasks: data sets with their splits and the metric by which models are judged."""
    return Tasks(
        tasks=tuple(
            TaskRow(
                name=task.name,
                title=task.title,
                modality=task.modality,
                labels=task.outputs,
                examples=task.splits,
                metric=task.headline.title,
                unit=task.headline.unit,
                licence=task.resource.licence,
            )
            for task in bench.tasks()
        )
    )


@action("reads")
def list_recipes(bench: Workbench) -> Recipes:
    """List the recipes that can be run by their name: built-in and saved ones."""
    rows = zip(bench.recipe_names(), bench.recipes(), strict=True)
    return Recipes(
        recipes=tuple(RecipeRow(name=name, title=each.name, task=each.task, summary=each.summary) for name, each in rows)
    )


@action("reads")
def propose_recipe(
    bench: Workbench,
    goal: Annotated[str, Field(description=GOAL)] = "small",
    task: Annotated[str, Field(description="A task's name, as list_tasks gives it.")] = "digits",
    teacher: Annotated[
        str, Field(description="A preset, hub:OWNER/NAME, folder:PATH or onnx:PATH; empty: the task's usual teacher.")
    ] = "",
) -> Proposal:
    """Propose a recipe that serves a goal on a task, with the reason for each choice. Nothing is queued."""
    found = suggest(bench, goal, task, teacher)
    return Proposal(
        name=found.recipe.name,
        task=found.recipe.task,
        recipe=bench.recipe_yaml(found.recipe),
        reasons=tuple(Reason(what=each.what, chosen=each.chosen, why=each.why) for each in found.choices),
        command=bench.command(found.recipe),
    )


@action("reads")
def estimate(bench: Workbench, recipe: Given, settings: Changes = UNCHANGED) -> Cost:
    """Estimate what a recipe will cost: seconds, sizes, latency, and which of its steps the store already holds."""
    planned = bench.plan(recipe_of(bench, recipe, settings))
    return Cost(estimate=bench.estimate(planned), command=bench.command(planned.recipe))


@action("changes")
def save_recipe(
    bench: Workbench,
    recipe: Given,
    name: Annotated[str, Field(min_length=1, max_length=200, description="What it will be called by.")],
    replace: Annotated[bool, Field(description="Replace a saved recipe of that name.")] = False,
) -> Saved:
    """Keep a recipe among one's own, to be run by its name."""
    return Saved(name=bench.save_recipe(recipe_of(bench, recipe, {}), name, replace=replace))
