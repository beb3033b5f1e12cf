"""The terminal's side of the workbench: following a run, tables, and one JSON object for each answer."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from kdui.catalogue.tasks import TASKS
from kdui.catalogue.yaml_text import read_value
from kdui.charts.gain import gain_sentence
from kdui.cli.plain_terminal import clean, console, has_utf8
from kdui.core.errors import RecipeError
from kdui.core.measurement import with_download
from kdui.core.page_rows import ModelResult, RunDetail
from kdui.core.run import RunState, StepStatus
from kdui.launch.dispatcher import Dispatcher
from kdui.workbench.workbench import Workbench

if TYPE_CHECKING:
    import pandas

POLL_SECONDS = 0.25
CANCEL_SECONDS = 8.0
SHOWN = {
    "macro_f1": "macro F1",
    "parameters": "parameters",
    "macs": "MACs",
    "file_bytes": "file",
    "gzip_bytes": "gzip",
    "packed_bytes": "packed",
    "download": "download",
    "latency_p50": "p50",
    "latency_p95": "p95",
    "throughput": "throughput",
    "real_time_factor": "real-time factor",
    "first_token": "first token",
    "prefill_rate": "prefill",
    "decode_rate": "decode",
    "decode_speedup": "decode speed-up",
    "peak_memory": "memory",
    "speedup": "speed-up",
    "elsewhere": "out of domain",
}

ROLE_WORDS = {"smoothed": "label smoothing"}  # a stored role and how it is printed, where the two differ


def parse_values(pairs: list[str]) -> dict[str, Any]:
    """``distill.temperature=4`` as {"distill.temperature": 4}; raises RecipeError for what is not NAME=VALUE."""
    values = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not (name and sign):
            raise RecipeError(f"'--set {pair}' is not NAME=VALUE, e.g. --set distill.temperature=4.")
        values[name.strip()] = read_value(value, f"The value in '--set {name[:60]}=…'")
    return values


@contextmanager
def dispatching(bench: Workbench) -> Iterator[None]:
    """The dispatcher at work. A worker in this process logs to standard error then: standard output is the result's alone."""
    with redirect_stdout(sys.stderr):
        bench.start_dispatcher()
        try:
            yield
        finally:
            bench.close()


def follow(bench: Workbench, run_id: str, quiet: bool = False) -> None:
    """Wait for a run's end with a progress bar on standard error; ending this program leaves the worker running."""
    screen = console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=screen,
        disable=quiet,
        transient=True,
    ) as progress:
        bar = progress.add_task(f"run {run_id}", total=1.0)
        try:
            while True:
                run = bench.store.runs.get(run_id)
                if run.state.is_final or run.waits_for_a_person:
                    return
                done = sum(step.progress for step in run.steps) / max(1, len(run.steps))
                step = next((step.label for step in run.steps if step.state == "running"), run.state.value)
                now = step if run.silent_seconds(datetime.now(UTC)) is None else run.standing(datetime.now(UTC))
                progress.update(bar, completed=done, description=clean(f"run {run_id} · {now}"))
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            screen.print(f"Run {run_id} continues without this terminal. 'python app.py cancel {run_id}' stops it.")
            sys.exit(130)


def wait_until_stopped(bench: Workbench, run_id: str) -> str:
    """Wait until a cancelled run has ended, and end a worker that does not listen; a sentence about how."""
    deadline, stopper = time.monotonic() + CANCEL_SECONDS, Dispatcher(bench.store)
    while (run := bench.store.runs.facts(run_id)).state is RunState.RUNNING and time.monotonic() < deadline:
        stopper.look_after(run)  # no server need be there to do it
        time.sleep(POLL_SECONDS)
    return f"Run {run_id} is {run.state}." if run.state.is_final else f"Run {run_id} was asked to stop and is still {run.state}."


# --- JSON ---------------------------------------------------------------------------------------------------------


def run_json(bench: Workbench, detail: RunDetail) -> dict[str, Any]:
    """A run as one object: id, state, stages with cached flag and seconds, measurements, artifacts."""
    run = detail.run
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state.value,
        "error": run.error,
        "waits_for_a_person": run.waits_for_a_person,
        "silent_seconds": run.silent_seconds(datetime.now(UTC)),
        "command": detail.command,
        "recipe": run.recipe.plain(),
        "stages": [_stage_json(step) for step in run.steps],
        "measurements": [_result_json(result) for result in detail.results],
        "gain": {**detail.gain.model_dump(mode="json"), "shown": detail.gain.is_shown} if detail.gain else None,
        "findings": list(detail.findings),
        "unlearned": detail.unlearned,
        "artifacts": [
            {
                "step": step.name,
                "produces": step.produces,
                "digest": step.digest,
                "path": str(bench.store.artifacts.place(step.digest)),
            }
            for step in run.steps
            if bench.store.artifacts.has(step.digest)
        ],
    }


def _stage_json(step: StepStatus) -> dict[str, Any]:
    facts = ("name", "label", "method", "role", "seconds", "digest")
    return {**{fact: getattr(step, fact) for fact in facts}, "state": step.state.value, "cached": step.state == "cached"}


def _result_json(result: ModelResult) -> dict[str, Any]:
    measured = {name: measurement.row() for name, measurement in result.measurements.items()}
    return {"role": result.role, "label": result.label, "step": result.step, "measurements": measured}


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    print(json.dumps(value, indent=1, ensure_ascii=not has_utf8()))


# --- tables -------------------------------------------------------------------------------------------------------


def print_run(detail: RunDetail) -> None:
    """A run's steps, its models and what was gained."""
    screen, run = console(), detail.run
    screen.print(Text.assemble((clean(run.name), "bold"), f"  {run.id}  {run.standing(datetime.now(UTC))}"))
    if run.error:
        screen.print(clean(run.error), style="red")
    print_rows(
        [
            {
                "step": step.name,
                "what": step.label,
                "state": step.state.value,
                "seconds": f"{step.seconds:.1f}" if step.seconds is not None else "",
            }
            for step in run.steps
        ]
    )
    metric = TASKS[run.recipe.task].headline
    if detail.results:
        columns = {metric.name: metric.noun, **SHOWN}
        print_rows(
            [
                {
                    "model": item.label,
                    "role": ROLE_WORDS.get(item.role, item.role),
                    **{title: measured[name].written() for name, title in columns.items() if name in measured},
                }
                for item in detail.results
                for measured in [with_download(item.measurements)]
            ]
        )
        screen.print("● measured  ◐ simulated  ○ estimated  ⟲ replayed")
    if detail.unlearned:
        screen.print(clean(detail.unlearned), style="yellow")
    if detail.gain:
        screen.print(f"Gain from distillation: {gain_sentence(detail.gain, metric)}")
    for finding in detail.findings:
        screen.print(clean(finding))
    screen.print(clean(detail.command))


def print_paired(frames: "Mapping[str, pandas.DataFrame]") -> None:
    """Each model against teacher and control on the same test examples, and the class that lost most; nothing without frames."""
    if not frames:
        return
    if frames["comparisons"].empty:
        console().print("No model has a teacher or a control to compare with.")
        return
    print_rows(
        [
            {
                "model": row["label"],
                "against": row["against"],
                "points": f"{row['difference']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})",
                "changed": f"{100 * row['flips']:.2f} %",
                "for the worse": f"{100 * row['negative_flips']:.2f} %",
                "McNemar": f"p = {row['p_value']:.3g}",
                "verdict": ""
                if row["shown"]
                else f"no difference shown: differences below {row['detectable']:.1f} points could not be detected",
            }
            for row in frames["comparisons"].to_dict("records")
        ]
    )
    for label, rows in frames["classes"].groupby("label", sort=False) if len(frames["classes"]) else ():
        worst = rows.loc[rows["recall_change"].idxmin()]
        console().print(
            f"{clean(label)}: recall of '{worst['of']}' changed by {worst['recall_change']:+.2f} points against the teacher "
            f"({int(worst['count'])} examples); {int((rows['recall_change'] < 0).sum())} of {len(rows)} classes lost some."
        )


def paired_json(frames: "Mapping[str, pandas.DataFrame]") -> dict[str, Any]:
    """The same as rows."""
    return {name: frames[name].to_dict("records") for name in ("comparisons", "classes") if name in frames}


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Rows as a table; columns in the order in which they first appear."""
    if not rows:
        console().print("Nothing yet.")
        return
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(clean(column), overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(column) is None else clean(row.get(column)) for column in columns))
    console().print(table)


# --- commands -----------------------------------------------------------------------------------------------------


def recipe_schema() -> dict[str, Any]:
    """JSON Schema of a recipe, and of each method's settings."""
    from kdui.catalogue.methods import METHODS
    from kdui.core.recipe import Recipe

    return {
        **Recipe.model_json_schema(),
        "x-methods": {name: method.spec.model_json_schema() for name, method in METHODS.items()},
    }
