"""The command ``search``: the best model under a budget, or the whole front, found by measured trials."""

import sys
import time
from functools import partial
from typing import Annotated, Literal

import typer

from kdui.cli import terminal
from kdui.cli.families import Vary, parse_axes
from kdui.cli.plain_terminal import clean, console
from kdui.core.errors import RecipeError
from kdui.core.family import Axis, FamilyState
from kdui.core.recipe import Recipe
from kdui.core.search import SearchSpec
from kdui.workbench.families.rows import family_row, metric_of
from kdui.workbench.search.devices import Devices
from kdui.workbench.search.explain import Explanation, as_json, explain, figures_words, settings_words
from kdui.workbench.search.searching import spec_of, spent_words
from kdui.workbench.search.side_by_side import DeviceAnswer, answers
from kdui.workbench.workbench import Workbench

POLL_SECONDS = 1.0
HERE = "here"


def register(app: typer.Typer) -> None:
    """Add it to the program's commands."""
    app.command("search")(search)


def search(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or YAML file; or the id of a search that is to go on.")],
    vary: Vary = None,
    most_mb: Annotated[float | None, typer.Option(help="Download at most, MB.")] = None,
    most_ms: Annotated[float | None, typer.Option(help="p50 latency at most, ms, as measured here.")] = None,
    front: Annotated[bool, typer.Option("--front", help="All trade-offs of headline, size and latency.")] = False,
    minutes: Annotated[float, typer.Option(min=0.01, help="How long it searches; of one that goes on: how much longer.")] = 30.0,
    trials: Annotated[int, typer.Option(min=1, help="Trials at most.")] = 200,
    sampler: Annotated[Literal["tpe", "random"], typer.Option(help="random: to compare with.")] = "tpe",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the proposals.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a setting of all trials. May be repeated.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = "auto",
    device_profile: Annotated[
        list[str] | None,
        typer.Option(
            help="Judge latency for this device: a file of 'python app.py profile', its name, or 'here' as measured. May be "
            "repeated: a search each, side by side."
        ),
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Search for the best model under a budget by measured trials; ends with 0 where one keeps the limits, else with 1."""
    bench = Workbench()
    if recipe.startswith("f-"):
        started = [partial(_continued, bench, recipe, minutes)]
    else:
        base = bench.recipe(recipe).with_values(terminal.parse_values(set_ or []))
        spec = SearchSpec.model_validate(
            {
                "aim": "front" if front else "best",
                "download_mb": most_mb,
                "latency_ms": most_ms,
                "minutes": minutes,
                "most_trials": trials,
                "sampler": sampler,
                "seed": seed,
            }
        )
        if not vary:
            raise RecipeError("Say what may vary: --vary student.width=8..32 --vary quantize.bits=2..8")
        started = [
            partial(_started, bench, base, parse_axes(vary), spec.model_copy(update={"device_profile": name}), device)
            for name in _profiles(bench, device_profile or [HERE])
        ]
    families = []
    with terminal.dispatching(bench):
        for start in started:
            families.append(bench.store.families.get(start()))
            _follow(bench, families[-1].id, quiet=as_json_)
    _tell(bench, [family.id for family in families], as_json_)


def _tell(bench: Workbench, ids: list[str], as_json_: bool) -> None:
    """What was found, with the answers for other devices; ends the program with 0 where every search has a pick."""
    found = [explain(bench.store, bench.store.families.get(each)) for each in ids]
    beside = answers(bench.store, bench.store.families.get(ids[-1]))
    if as_json_:
        searches = [as_json(bench.store.families.get(each), one) for each, one in zip(ids, found, strict=True)]
        devices = [answer.model_dump(mode="json") for answer in beside]
        terminal.print_json({**searches[0], "devices": devices, **({"searches": searches} if len(searches) > 1 else {})})
    else:
        for each, one in zip(ids, found, strict=True):
            _print(bench, each, one)
        _print_devices(bench, ids[-1], beside)
    raise typer.Exit(0 if all(one.pick for one in found) else 1)


def _profiles(bench: Workbench, wanted: list[str]) -> list[str]:
    """Names of profiles, files among them kept in the home from now on; empty for latencies as they are measured."""
    devices = Devices(bench.store)
    return list(dict.fromkeys("" if each == HERE else devices.wanted(each).name for each in wanted))


def _started(bench: Workbench, base: Recipe, axes: list[Axis], spec: SearchSpec, device: str) -> str:
    return bench.searches.start(base, axes, spec, device).id


def _continued(bench: Workbench, family_id: str, minutes: float) -> str:
    """Let a search go on; one that has ended gets so many minutes more."""
    family = bench.store.families.get(family_id)
    if family.state is FamilyState.ENDED:
        bench.searches.extend(family_id, minutes)
    else:
        spec_of(family)
        bench.families.resume(family_id)
    return family_id


def _follow(bench: Workbench, family_id: str, quiet: bool) -> None:
    """Say how far it is until it has ended, with one line a finished trial."""
    screen, told = console(stderr=True), -1
    try:
        while True:
            family, row = bench.store.families.get(family_id), family_row(bench.store, family_id)
            if row.finished != told and not quiet:
                told = row.finished
                best = f", best {row.best}" if row.best else ""
                screen.print(
                    clean(f"{family_id}: {told} of {row.total} trials done, {spent_words(family, spec_of(family))}{best}")
                )
            if family.state is not FamilyState.ACTIVE:
                return
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        screen.print(f"'python app.py search {family_id}' goes on with it, '… family {family_id} --cancel' stops what runs.")
        sys.exit(130)


def _print(bench: Workbench, family_id: str, found: Explanation) -> None:
    metric = metric_of(bench.store.families.get(family_id).task)
    terminal.print_rows(
        [
            {
                "trial": trial.number + 1,
                "settings": settings_words(trial),
                "result": figures_words(trial, metric),
                "run": trial.run,
            }
            for trial in found.front
        ]
    )
    for sentence in found.sentences:
        print(clean(sentence))


def _print_devices(bench: Workbench, family_id: str, found: list[DeviceAnswer]) -> None:
    """The answers side by side; nothing where this search's is the only one."""
    if len(found) < 2:
        return
    metric = metric_of(bench.store.families.get(family_id).task)
    terminal.print_rows(
        [
            {
                "device": answer.device,
                "how": f"{answer.how} ({answer.family})" if answer.how == "searched" else answer.how,
                "keep the limits": f"{answer.fitting} of {answer.measured}",
                "pick": settings_words(answer.pick) if answer.pick else "none",
                "result": figures_words(answer.pick, metric) if answer.pick else "",
            }
            for answer in found
        ]
    )
    for sentence in dict.fromkeys(sentence for answer in found for sentence in answer.sentences):
        print(clean(sentence))
