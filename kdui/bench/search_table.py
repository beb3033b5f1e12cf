"""A whole grid of really trained trials, measured once and kept, so that a search over it costs seconds instead of hours.

The idea is that of NAS-Bench-101 (Ying et al. 2019): what is searched is a table, what stands in the table was measured.
``python -m kdui.bench.search_table digits`` measures a table, or goes on where it was stopped; its runs are kept in the home.

A cell's quality and size are those of its own model. Latency does not depend on how a network was trained, so it is measured
once for each network, in float: that is what fewer than 8 bits compute in.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kdui import machine
from kdui.catalogue.studies import RESULTS
from kdui.core.errors import KduiError, StageFailed
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunState
from kdui.settings import Settings
from kdui.store.artifacts import write_json
from kdui.workbench.workbench import Workbench
from kdui.worker import perform

TABLES = RESULTS / "search"
BITS = "quantize.bits"
SHOWN_DIGEST = 12  # characters of a step's digest that a table keeps
TIMED = {"latency_runs": 80, "sweep": False, "test_examples": 50}  # of the runs that time a network; a cell's own are not timed


class Grid(NamedTuple):
    """A recipe and the values of its settings; ``network``: the settings that decide which network is timed."""

    recipe: dict[str, Any]
    axes: dict[str, list[Any]]
    network: tuple[str, ...]


GRIDS = {
    "digits": Grid(
        recipe={
            "name": "Search table: digits",
            "task": "digits",
            "teacher": "cnn-medium",
            "student": "cnn-small",
            "stages": [
                {"teach": {"epochs": 15, "batch_size": 64, "learning_rate": 0.004}},
                {"distill": {"epochs": 6, "batch_size": 32, "learning_rate": 0.01, "control": False}},
                {"quantize": {"bits": 4}},
                "export",
                {"measure": {"speed": False}},
            ],
        },
        axes={
            "student.width": [2, 4, 8, 12],
            "student.depth": [1, 2],
            "distill.temperature": [1, 4],
            BITS: [2, 3, 4, 5, 6],
        },
        network=("student.width", "student.depth"),
    ),
}


class TableMaker:
    """Measures one grid in a home, cell by cell; runs of an earlier call are found by their recipes and not made again."""

    def __init__(self, settings: Settings, grid: Grid):
        self.bench = Workbench(settings)
        self.grid, self.base = grid, Recipe.model_validate(grid.recipe)
        self.steps: dict[str, float] = {}

    def table(self, name: str) -> dict[str, Any]:
        """All of it, measured now as far as it is not known."""
        cells = self.cells()
        return {
            "table": name,
            "task": self.base.task,
            "command": f"python -m kdui.bench.search_table {name}",
            "machine": {"cpu": machine.cpu_name(), "cores": machine.cores(), "versions": machine.versions()},
            "recipe": self.base.model_dump(mode="json"),
            "axes": self.grid.axes,
            "network": list(self.grid.network),
            "latency": [self._timed(values) for values in self._networks()],
            "steps": self.steps,
            "cells": cells,
        }

    def cells(self) -> list[dict[str, Any]]:
        """Quality, size and steps of every combination; ``steps`` holds their seconds then."""
        return [self._cell(values) for values in combinations(self.grid.axes)]

    def _cell(self, values: dict[str, Any]) -> dict[str, Any]:
        """Quality, size, and the steps that it needs; a step that several cells share stands in several."""
        run = self._made(self.base.with_values(values))
        row = self.bench.store.results.rows_of_run(run.id)[-1]
        made = [step.digest[:SHOWN_DIGEST] for step in run.steps]
        self.steps |= {
            short: self._seconds(step.digest) for step, short in zip(run.steps, made, strict=True) if short not in self.steps
        }
        size = row["gzip_mb"] if row["packed_mb"] is None else row["packed_mb"]
        figures = {"headline": row["headline"], "low": row["headline_low"], "high": row["headline_high"], "download_mb": size}
        return {"values": list(values.values()), **{key: round(value, 6) for key, value in figures.items()}, "steps": made}

    def _timed(self, values: dict[str, Any]) -> dict[str, Any]:
        """Latency of a network, and the seconds that timing its student and its compressed model takes."""
        stages = [
            {"measure": TIMED} if isinstance(stage, dict) and "measure" in stage else stage
            for stage in self.grid.recipe["stages"]
        ]
        run = self._made(Recipe.model_validate({**self.grid.recipe, "stages": stages}).with_values(values))
        row = self.bench.store.results.rows_of_run(run.id)[-1]
        timed = [step for step in run.steps if step.method == "measure" and step.role != "teacher"]
        seconds = sum(self._seconds(step.digest) for step in timed)
        return {
            "network": [values[name] for name in self.grid.network],
            "latency_ms": round(row["latency_ms"], 6),
            "latency_high": round(row["latency_high"], 6),
            "seconds": round(seconds, 3),
        }

    def _networks(self) -> Iterator[dict[str, Any]]:
        few = {name: values for name, values in self.grid.axes.items() if name in self.grid.network}
        return combinations({**few, BITS: [4]})

    def _made(self, recipe: Recipe) -> Run:
        """The recipe's run, which has succeeded. Raises KduiError in words where it fails."""
        run = self.bench.submit(recipe)
        # A slot of its own: what an earlier call was killed over does not stand in the way.
        self.bench.store.runs.update(run.id, state=RunState.RUNNING, slot=f"cpu/{run.id}")
        perform(self.bench.store, run.id)
        done = self.bench.store.runs.get(run.id)
        if done.state is not RunState.SUCCEEDED:
            raise StageFailed(f"A trial did not succeed: {done.error}")
        return done

    def _seconds(self, digest: str) -> float:
        return round(self.bench.store.artifacts.open(digest).manifest.seconds, 3)


def combinations(axes: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Every cell of a grid, the last setting changing first."""
    return (dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))


def read_table(path: Path) -> dict[str, Any]:
    """A table as it was measured."""
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


def main(arguments: list[str]) -> int:
    """Measure the named tables."""
    parser = argparse.ArgumentParser(prog="python -m kdui.bench.search_table", description=__doc__)
    parser.add_argument("names", nargs="+", choices=GRIDS, help="which grids")
    parser.add_argument("--out", type=Path, default=TABLES, help="folder of the tables")
    options = parser.parse_args(arguments)
    try:
        for name in options.names:
            options.out.mkdir(parents=True, exist_ok=True)
            write_json(options.out / f"{name}.json", TableMaker(Settings.from_environment(), GRIDS[name]).table(name))
    except KduiError as error:
        print(f"kdui: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
