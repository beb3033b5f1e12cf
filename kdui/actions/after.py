"""Actions on what was measured: results, comparisons, predictions, delivered files."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from kdui.actions.answers import ComparedModel, Comparison, Delivery, ModelRow, Prediction, Predictions, Results
from kdui.actions.named import RunId
from kdui.actions.registry import action
from kdui.catalogue.tasks import TASKS
from kdui.charts.comparer import MISSING
from kdui.core.deliverable import endings
from kdui.core.errors import KduiError
from kdui.core.measurement import Origin
from kdui.delivery.deliver import chosen, deliver_name
from kdui.workbench.comparing import compared
from kdui.workbench.predicting import predictions
from kdui.workbench.workbench import Workbench

ENDINGS = (".onnx", ".kdz", *endings())
Model = Annotated[
    str,
    Field(max_length=200, description="Its step, label or role, as results names it; empty: the newest compressed one."),
]


@action("reads")
def results(bench: Workbench, run: RunId) -> Results:
    """Give everything that a run measured of its models, with intervals and origins, and what distillation gained."""
    detail = bench.run(run)
    models = (
        ModelRow(step=item.step, role=item.role, label=item.label, measurements=item.measurements) for item in detail.results
    )
    return Results(
        run=detail.run.id,
        name=detail.run.name,
        task=detail.run.recipe.task,
        state=detail.run.state,
        headline=TASKS[detail.run.recipe.task].headline.name,
        models=tuple(models),
        gain=detail.gain,
        gain_shown=detail.gain is not None and detail.gain.is_shown,
        findings=detail.findings,
        unlearned=detail.unlearned,
        recipe=detail.yaml,
        command=detail.command,
    )


@action("reads")
def compare(
    bench: Workbench,
    runs: Annotated[
        list[Annotated[str, Field(max_length=200)]],
        Field(min_length=2, max_length=5, description="Two to five of RUN or RUN:STEP, all of one task."),
    ],
) -> Comparison:
    """Compare two to five runs or models of one task: differences to the first with intervals, and the settings that differ."""
    found, task = compared(bench, runs)
    return Comparison(
        task=task.name,
        metric=task.headline.title,
        unit=task.headline.unit,
        models=tuple(_compared(column.row, column) for column in found.columns),
        settings={key: tuple(None if value is MISSING else value for value in values) for key, values in found.settings.items()},
        alike=found.alike,
    )


def _compared(row: Mapping[str, Any], column: Any) -> ComparedModel:
    latency = _known(row["latency_ms"])
    return ComparedModel(
        run=row["run"],
        step=row["step"],
        role=row["role"],
        label=row["label"],
        headline=_known(row["headline"]),
        low=_known(row["headline_low"]),
        high=_known(row["headline_high"]),
        origin=row["origin"],
        difference=column.difference,
        shown=column.shown,
        gain=column.gain,
        latency_ms=latency,
        latency_origin=Origin(row["latency_origin"]) if latency is not None else None,
        speedup=_known(row["speedup"]),
        download_mb=_known(row["download_mb"]),
        parameters=_known(row["parameters"]),
    )


def _known(value: Any) -> float | None:
    """A number, None where a table has none."""
    return None if value is None or not math.isfinite(value) else float(value)


@action("reads")
def predict(
    bench: Workbench,
    run: RunId,
    input: Annotated[str, Field(max_length=20_000, description="A text, or test:INDEX for an example of the test data.")],
) -> Predictions:
    """Predict one input with every measured model of a run."""
    task = next((each for each in bench.tasks() if each.name == bench.store.runs.get(run).recipe.task), None)
    if task is not None and task.modality != "text" and not input.startswith("test:") and bench.settings.own_files_only:
        raise KduiError("Over the network an input is a text or test:INDEX, e.g. test:12. Upload files on the page's Compare.")
    rows = predictions(bench, run, input)
    steps = {item.label: item.step for item in bench.run(run).results}
    return Predictions(
        run=run,
        models=tuple(
            Prediction(
                step=steps[row["model"]],
                role=row["role"],
                label=row["model"],
                answer=str(row["answer"] if "answer" in row else row["text"]),
                probability=row.get("probability"),
                latency_ms=row.get("p50 ms"),
            )
            for row in rows
        ),
    )


@action("reads")
def deliver(
    bench: Workbench,
    run: RunId,
    model: Model = "",
    kind: Annotated[Literal["onnx", "kdz"], Field(description="ONNX, or the packed form, which loses nothing.")] = "onnx",
    out: Annotated[
        str, Field(max_length=4096, description="The file to write, on this machine; over the network empty: fetch 'address'.")
    ] = "",
    replace: Annotated[bool, Field(description="Replace a file of that name.")] = False,
) -> Delivery:
    """Deliver a measured model as one file that carries its claims and what its inputs need."""
    if bench.settings.own_files_only:
        if out:
            raise KduiError("Over the network no file is written on kdui's machine: leave 'out' empty and fetch 'address'.")
        name = deliver_name(chosen(bench.run(run), model))
        return Delivery(run=run, model=name, file="", address=f"kdui-models/{run}/{quote(name, safe='')}.{kind}")
    file = Path(out or f"{run}-{re.sub(r'[^A-Za-z0-9._-]+', '-', model) or 'model'}.{kind}").expanduser()
    file = file if file.is_absolute() else bench.folder / file
    if file.suffix.lower() not in ENDINGS:
        raise KduiError(
            f"'{file.name}' must end with .onnx, .kdz, or as a package that the run has made ({', '.join(endings())})."
        )
    if file.exists() and not replace:
        raise KduiError(f"{file} exists. Choose another name, or say replace.")
    written = bench.deliver(run, model, file)
    return Delivery(run=run, model=model, file=str(written.path), address="", bytes=written.path.stat().st_size)
