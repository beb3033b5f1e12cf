"""Commands over sweeps: ``sweep`` queues one, ``family`` shows it and pauses, resumes, cancels, extends or deletes it."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn

from kdui.catalogue.yaml_text import read_file, read_value, read_yaml
from kdui.cli import terminal
from kdui.cli.plain_terminal import clean, console
from kdui.core.errors import RecipeError
from kdui.core.family import KIND_WORDS, Axis, Family, FamilyState
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.workbench.families.rows import family_row, made_models, metric_of
from kdui.workbench.sweep import axis_of
from kdui.workbench.workbench import Workbench

POLL_SECONDS = 0.5
Vary = Annotated[
    list[str] | None,
    typer.Option("--vary", help="A setting and its values: distill.temperature=1,2,4 or a range such as 1..8. May be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the program's."""
    app.command("sweep")(sweep)
    app.command("family")(family)


def sweep(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a YAML file.")],
    vary: Vary = None,
    random: Annotated[int, typer.Option(min=0, help="So many random draws, instead of each combination.")] = 0,
    listed: Annotated[
        Path | None, typer.Option("--list", help="A YAML list of settings, a row a run, instead of each combination.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=20, help="Repeat each with so many seeds.")] = 1,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a setting of all runs. May be repeated.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = "auto",
    wait: Annotated[bool, typer.Option(help="Follow it to its end.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Queue a sweep as one family, follow it, and print what its runs measured."""
    bench = Workbench()
    base = bench.recipe(recipe).with_values(terminal.parse_values(set_ or []))
    made = _made(bench, base, parse_axes(vary or []), random, listed, seeds, device)
    if wait:
        with terminal.dispatching(bench):
            follow(bench, made.id, quiet=as_json)
    show(bench, made.id, as_json)


def _made(bench: Workbench, base: Recipe, axes: list[Axis], random: int, listed: Path | None, seeds: int, device: str) -> Family:
    repeats = [base.seed + offset for offset in range(seeds)]
    if listed is not None:
        rows = read_yaml(read_file(listed), str(listed)).data
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise RecipeError(f"{listed} must be a YAML list of settings: - {{distill.temperature: 4, seed: 1}}")
        every = [{**row, **({"seed": seed} if seeds > 1 else {})} for row in rows for seed in repeats]
        return bench.families.listed(base, every, device)
    axes = [*axes, *([Axis(name="seed", values=tuple(repeats))] if seeds > 1 else [])]
    if not axes:
        raise RecipeError("Say what varies: --vary distill.temperature=1,2,4, --seeds 3 or --list FILE.")
    if random:
        return bench.families.random(base, axes, random, device, draw_seed=base.seed)
    if any(axis.is_range for axis in axes):
        raise RecipeError("A range has no end of values: add --random N for so many draws, or list the values.")
    return bench.families.grid(base, {axis.name: list(axis.values) for axis in axes}, device)


def parse_axes(pairs: list[str]) -> list[Axis]:
    """``distill.temperature=1,2,4`` or ``…=1..8 log``; raises RecipeError for what is not NAME=VALUES."""
    axes = {}
    for pair in pairs:
        name, sign, text = (part.strip() for part in pair.partition("="))
        if not (name and sign and text):
            raise RecipeError(f"'--vary {pair[:60]}' is not NAME=VALUES, e.g. --vary distill.temperature=1,2,4.")
        axes[name] = axis_of(name, text, partial(read_value, place=f"A value of {name[:60]}"))
    return list(axes.values())


def family(
    family_id: Annotated[str, typer.Argument(help="The family's id, as 'list families' shows it.")],
    pause: Annotated[bool, typer.Option("--pause", help="Start no further run; what runs goes on to its end.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on, with failed and cancelled runs as well.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop it; finished runs stay.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it with all of its runs.")] = False,
    vary: Annotated[list[str] | None, typer.Option("--extend", help="Further values: distill.temperature=16.")] = None,
    more: Annotated[int, typer.Option(min=0, help="So many further random draws.")] = 0,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show a sweep or a search as a whole; or pause, resume, cancel, extend or delete it."""
    bench = Workbench()
    if delete:
        bench.families.delete(family_id)
        print(f"{family_id} is deleted with its runs.")
        return
    for wanted, act in ((pause, bench.families.pause), (cancel, bench.families.cancel), (resume, bench.families.resume)):
        if wanted:
            act(family_id)
    if vary or more:
        bench.families.extend(family_id, {axis.name: list(axis.values) for axis in parse_axes(vary or [])}, more)
    if cancel:
        for run in bench.families.runs(family_id):
            terminal.wait_until_stopped(bench, run.id)
    if wait:
        with terminal.dispatching(bench):
            follow(bench, family_id, quiet=as_json)
    show(bench, family_id, as_json)


def follow(bench: Workbench, family_id: str, quiet: bool = False) -> None:
    """Wait until none of its runs goes on by itself, with a bar on standard error; ending this program ends no worker."""
    screen = console(stderr=True)
    done = TextColumn("{task.completed:.0f} of {task.total:.0f}")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), done)
    with Progress(*columns, console=screen, disable=quiet, transient=True) as progress:
        bar = progress.add_task(family_id)
        try:
            while True:
                row = family_row(bench.store, family_id)
                progress.update(bar, completed=row.finished, total=row.total, description=clean(f"{row.name} · {row.state}"))
                if row.state is not FamilyState.ACTIVE or (row.finished == row.total and row.kind != "search"):
                    return
                if not _goes_on(bench, family_id) and row.kind != "search":
                    return
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            screen.print(f"{family_id} continues without this terminal. 'python app.py family {family_id} --cancel' stops it.")
            sys.exit(130)


def _goes_on(bench: Workbench, family_id: str) -> bool:
    """Whether any of its runs is queued or runs, or continues without a person."""
    states = bench.families.facts(family_id)
    return any(not run.state.is_final and not run.waits_for_a_person for run in states)


def show(bench: Workbench, family_id: str, as_json: bool) -> None:
    """A family's runs with their settings and results, the best first."""
    terminal.print_json(family_json(bench, family_id)) if as_json else _print(bench, family_id)


def family_json(bench: Workbench, family_id: str) -> dict[str, Any]:
    """A family as one object."""
    row = family_row(bench.store, family_id)
    made = made_models(bench.store, family_id)
    states = {run.id: run.state for run in bench.families.facts(family_id)}
    return {
        **row.model_dump(mode="json", exclude={"runs"}),
        "members": [
            {
                **member.model_dump(mode="json", exclude={"family"}),
                "state": states[member.run].value if member.run in states else "waiting",
                "result": _result(made.get(member.number)),
            }
            for member in bench.store.families.members(family_id)
        ],
    }


def _result(row: dict[str, Any] | None) -> dict[str, Any] | None:
    names = ("label", "headline", "headline_low", "headline_high", "latency_ms", "latency_high", "packed_mb", "gzip_mb", "origin")
    return {name: row[name] for name in names} if row else None


def _print(bench: Workbench, family_id: str) -> None:
    row, made = family_row(bench.store, family_id), made_models(bench.store, family_id)
    metric = metric_of(row.task)
    states = ", ".join(f"{count} {state}" for state, count in row.counts.items())
    print(clean(f"{row.name} · {KIND_WORDS[row.kind]} · {row.state} · {states}"))
    members = {member.number: member for member in bench.store.families.members(family_id)}
    runs = {run.id: run for run in bench.families.facts(family_id)}
    order = sorted(members, key=lambda number: -metric.sign * ((made.get(number) or {}).get("headline") or -metric.sign * 1e300))
    rows = []
    for number in order:
        member, result = members[number], made.get(number) or {}
        state = str(runs[member.run].state) if member.run in runs else member.outcome.get("refused", "waiting")
        latency, stored = result.get("latency_ms"), result.get("packed_mb") or result.get("gzip_mb")
        rows.append(
            {
                "run": member.run or "",
                **{name: str(value) for name, value in member.values.items()},
                metric.noun: metric.format(result["headline"]) if result.get("headline") is not None else "",
                "p50": f"{latency:.3g} ms" if latency else "",
                "download": f"{stored * 1e3:.1f} kB" if stored else "",
                "state": state if state != RunState.SUCCEEDED else "",
            }
        )
    terminal.print_rows(rows)
    if row.note:
        print(clean(row.note))
