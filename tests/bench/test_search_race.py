"""Searches over a recorded table: what a trial costs there, that none is tried twice and none left out, and how far they got."""

import itertools
import json
import math

import pytest

from kdui.bench.search_race import SECONDS, Table, attained, search_race, simulated
from kdui.bench.search_table import BITS, GRIDS, TABLES, Grid, TableMaker, combinations, read_table
from kdui.core.search import SearchSpec

AXES = {"student.width": [2, 4, 8], BITS: [2, 4, 6]}


def recorded():
    """Three networks in three bit-widths: wider and more bits are better, larger and slower."""
    cells = [
        {
            "values": [width, bits],
            **{"headline": 50.0 + 4 * width + bits, "low": 0.0, "high": 100.0, "download_mb": width * bits / 1000},
            "steps": ["teach", f"distill{width}", f"quantize{width}-{bits}"],
        }
        for width, bits in itertools.product(*AXES.values())
    ]
    latency = {"latency_ms": 0.04, "latency_high": 0.05, "seconds": 2.0}
    return {
        **{"table": "made-up", "task": "digits", "command": "none", "machine": {"cpu": "none"}},
        "axes": AXES,
        "network": ["student.width"],
        "latency": [{"network": [width], **latency} for width in AXES["student.width"]],
        "steps": {step: {"t": 10.0, "d": 5.0, "q": 1.0}[step[0]] for cell in cells for step in cell["steps"]},
        "cells": cells,
    }


def test_a_step_that_the_search_has_made_costs_nothing_again():
    table, made = Table(recorded()), set()
    first = {"student.width": 4, BITS: 4}
    assert table.seconds(first, made) == 10 + 5 + 1 + 2
    assert table.seconds({**first, BITS: 6}, made) == 1 and table.seconds(first, made) == 0
    assert table.seconds({**first, "student.width": 8}, made) == 5 + 1 + 2
    figures = table.figures(first)
    assert (figures.headline, figures.download_mb, figures.latency_ms) == (70.0, 0.016, 0.04)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_with_enough_time_tries_everything_once_and_then_has_it_all(sampler):
    table = Table(recorded())
    trials = simulated(table, SearchSpec(aim="front", sampler=sampler), math.inf, SECONDS)
    assert len({repr(trial.values) for trial in trials}) == len(trials) == 9
    assert attained(table, trials) == pytest.approx(1) and 0 < attained(table, trials[:2]) < 1
    few = simulated(table, SearchSpec(aim="front", sampler=sampler), 20.0, SECONDS)
    assert [trial.values for trial in few] == [trial.values for trial in trials[: len(few)]] and len(few) in (
        1,
        2,
        3,
    )  # 8 s for a new network, 1 s for other bits


def test_both_searchers_get_the_same_time_and_the_lead_has_an_interval(tmp_path):
    (tmp_path / "made-up.json").write_text(json.dumps(recorded()), encoding="utf-8")
    for found in search_race(None, seeds=2, share=0.4, folder=tmp_path):
        assert "95 % interval" in found.spread and "2 seeds" in found.spread and abs(found.value) < 100
        assert any("a tabular benchmark" in line for line in found.lines)
    assert "in 4.0 (4.0 to 4.0) trials" in found.lines[0] and "in 4.0 (4.0 to 4.0) trials" in found.lines[1]


def test_the_recorded_tables_are_whole_and_of_the_grids_that_stand_here():
    assert {path.stem for path in TABLES.glob("*.json")} == set(GRIDS)
    for name, grid in GRIDS.items():
        table = Table(kept := read_table(TABLES / f"{name}.json"))
        assert kept["axes"] == grid.axes and table.every == list(combinations(grid.axes))
        assert all(table.seconds(values, set()) > 0 and table.figures(values).latency_ms > 0 for values in table.every)


def test_a_table_is_made_of_real_runs(settings):
    stages = [{"teach": {"epochs": 0}}, {"quantize": {"bits": 4}}, "export", {"measure": {"speed": False, "test_examples": 30}}]
    maker = TableMaker(settings, Grid({"task": "digits", "teacher": "cnn-tiny", "stages": stages}, {BITS: [2, 4]}, ()))
    two, four = maker.cells()
    assert two["values"] == [2] and two["download_mb"] < four["download_mb"] and 0 <= four["headline"] <= 100
    assert two["steps"][0] == four["steps"][0] and two["steps"][-1] != four["steps"][-1]  # one network, two bit-widths
    assert maker.steps.keys() == {*two["steps"], *four["steps"]} and max(maker.steps.values()) > 0
