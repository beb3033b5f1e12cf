"""Actions on runs: queue, watch, cancel, resume, move, delete."""

from typing import Annotated, Any

from pydantic import Field

from kdui.actions.answers import Changed, Progress, RunList, RunListRow, StepRow, Submissions, Submitted
from kdui.actions.named import UNCHANGED, Changes, Device, Given, RunId, recipe_of
from kdui.actions.registry import action
from kdui.core.run import Run, RunState
from kdui.workbench.workbench import Workbench

MOST_EVENTS = 500  # in one answer of watch: the newest of them; all stay in the run's folder


@action("changes")
def run(bench: Workbench, recipe: Given, settings: Changes = UNCHANGED, device: Device = "auto") -> Submitted:
    """Queue a recipe and return at once with the run's id; steps that the store already holds are not computed again."""
    return _submitted(bench.submit(recipe_of(bench, recipe, settings), device))


@action("changes")
def sweep(
    bench: Workbench,
    recipe: Given,
    values: Annotated[
        dict[str, list[Any]],
        Field(min_length=1, description='Setting -> values to try, e.g. {"distill.temperature": [1, 4], "seed": [0, 1, 2]}.'),
    ],
    device: Device = "auto",
) -> Submissions:
    """Queue one run for each combination of values; all are checked before the first is queued."""
    family = bench.families.grid(recipe_of(bench, recipe, {}), values, device)
    return Submissions(family=family.id, runs=tuple(map(_submitted, bench.families.runs(family.id))))


def _submitted(submitted: Run) -> Submitted:
    return Submitted(run=submitted.id, name=submitted.name, state=submitted.state, task=submitted.recipe.task)


@action("reads")
def list_runs(
    bench: Workbench,
    text: Annotated[str, Field(max_length=200, description="Only runs whose name, id or models contain this.")] = "",
    state: Annotated[RunState | None, Field(description="Only runs in this state.")] = None,
    task: Annotated[str, Field(description="Only runs of this task.")] = "",
    page: Annotated[int, Field(ge=1, le=1_000_000, description="Each page has up to 100 runs.")] = 1,
) -> RunList:
    """List runs, newest first."""
    found = bench.runs(text=text, state=state, task=task, page=page, size=100)
    rows = (
        RunListRow(
            run=row.id,
            name=row.name,
            task=row.task,
            state=row.state,
            headline=row.headline,
            created=row.created,
            queued_by=row.queued_by,
            error=row.error,
        )
        for row in found.rows
    )
    return RunList(runs=tuple(rows), total=found.total, page=found.page)


@action("reads")
def watch(
    bench: Workbench,
    run: RunId,
    cursor: Annotated[int, Field(ge=0, le=2**53, description="Of the answer before; 0: from the beginning.")] = 0,
) -> Progress:
    """Tell where a run stands and what happened since the cursor; answers at once, so call it again until it has ended."""
    now = bench.store.runs.get(run)
    events, new = bench.events(run, cursor)
    done = sum(step.progress for step in now.steps) / max(1, len(now.steps))
    return Progress(
        run=now.id,
        name=now.name,
        state=now.state,
        ended=now.state.is_final or now.waits_for_a_person,
        fraction=1.0 if now.state is RunState.SUCCEEDED else min(1.0, done),
        error=now.error,
        steps=tuple(StepRow(name=step.name, title=step.label, state=step.state, seconds=step.seconds) for step in now.steps),
        events=tuple(events[-MOST_EVENTS:]),
        cursor=new,
    )


@action("changes")
def cancel(bench: Workbench, run: RunId) -> Changed:
    """Take a run from the queue, or ask its worker to stop; finished stages stay."""
    bench.cancel(run)
    return Changed(run=run, done="cancelled", state=bench.store.runs.facts(run).state)


@action("changes")
def resume(bench: Workbench, run: RunId) -> Changed:
    """Queue a failed, cancelled or interrupted run again; finished stages are not repeated."""
    bench.resume(run)
    return Changed(run=run, done="resumed", state=bench.store.runs.facts(run).state)


@action("changes")
def move(bench: Workbench, run: RunId, places: Annotated[int, Field(description="Negative: earlier.")]) -> Changed:
    """Move a queued run in the queue."""
    bench.move(run, places)
    return Changed(run=run, done="moved", state=bench.store.runs.facts(run).state)


@action("deletes")
def delete(bench: Workbench, run: RunId) -> Changed:
    """Delete a run and the artifacts that no other run uses. This cannot be undone."""
    bench.delete(run)
    return Changed(run=run, done="deleted")
