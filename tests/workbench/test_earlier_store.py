"""A store as it was written before the tree was moved: its run, results and artifacts are read, reused and served as they stand.

``tests/data/store_of_73b11e0.zip`` is the home that commit 73b11e0 left after one run of the recipe in it (``python app.py run``;
teach, distill, prune, quantize, export, measure; one epoch on 64 digits), without the cache of data, locks and output.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from kdui.catalogue import planner
from kdui.cli.terminal import print_run
from kdui.core.run import RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.settings import Settings
from kdui.store.retention import bound
from kdui.ui.runs import RunCalls
from kdui.workbench.workbench import Workbench

STORED = Path(__file__).parents[1] / "data" / "store_of_73b11e0.zip"
RUN = "7d692c8b"
STEPS = 15
# What that commit printed of the run: label, test accuracy in %, kB of the file.
MODELS = [
    ("CNN small", "8.4 %", "7.59 kB"),
    ("CNN tiny", "9.7 %", "3.92 kB"),
    ("CNN tiny without teacher", "9.7 %", "3.92 kB"),
    ("CNN tiny · 50 % sparse", "9.7 %", "3.92 kB"),
    ("CNN tiny · 50 % sparse · int8", "9.7 %", "6.92 kB"),
]


@pytest.fixture
def bench(settings, monkeypatch):
    """The bench over a copy of that store, on the machine that measured it."""
    with zipfile.ZipFile(STORED) as stored:
        stored.extractall(settings.home)
    bench = Workbench(Settings(home=settings.home, launcher="inline", quickstart=False))
    (measured, *_) = (step for step in bench.store.runs.get(RUN).steps if step.produces == "measurements")
    machine = bench.store.artifacts.manifest(measured.digest).settings["machine"]
    monkeypatch.setattr(planner, "fingerprint", lambda: machine)
    yield bench
    bench.close()


def test_the_run_is_listed_with_its_results(bench, capsys):
    (listed,) = bench.runs().rows
    assert (listed.id, listed.state) == (RUN, RunState.SUCCEEDED)
    print_run(bench.run(RUN))
    output = capsys.readouterr().out
    for label, accuracy, size in MODELS:
        (line,) = [line for line in output.splitlines() if line.startswith(f"{label}  ")]
        assert accuracy in line and size in line
    assert all(label in RunCalls(bench).run_detail({"run": RUN})["results"] for label, _, _ in MODELS)
    assert bench.points("digits")["label"].tolist() == [label for label, _, _ in MODELS]


def test_every_artifact_is_sound_and_hit_by_a_new_run_of_the_recipe(bench):
    before = bench.store.runs.get(RUN)
    assert len(before.steps) == STEPS
    for step in before.steps:
        assert bench.store.artifacts.open(step.digest).manifest.method == step.method
    again = bench.submit(before.recipe, "cpu")
    Dispatcher(bench.store).tick()
    after = bench.store.runs.get(again.id)
    assert (after.state, after.error) == (RunState.SUCCEEDED, before.error)
    assert [(step.name, step.digest) for step in after.steps] == [(step.name, step.digest) for step in before.steps]
    assert {str(step.state) for step in after.steps} == {"cached"}
    old, new = (bench.store.results.of_run(run) for run in (RUN, again.id))
    assert {step: result["accuracy"].value for step, result in new.items()} == {
        step: result["accuracy"].value for step, result in old.items()
    }


def test_models_that_were_evicted_are_not_trained_again_for_results_that_are_there(bench):
    evicted = bound(bench.store, 0, (), idle_seconds=0.0).digests
    before = bench.store.runs.get(RUN)
    names = {step.name for step in before.steps if step.digest in evicted}
    assert {"teach", "distill"} <= names and not any(name.startswith("measure") for name in names)
    again = bench.submit(before.recipe, "cpu")
    Dispatcher(bench.store).tick()
    after = bench.store.runs.get(again.id)
    assert (after.state, after.error) == (RunState.SUCCEEDED, None)
    assert {str(step.state) for step in after.steps} == {"cached"}
    assert not any(bench.store.artifacts.has(digest) for digest in evicted)


def test_its_models_answer(bench):
    digests = [model.digest for model in bench.servable("digits") if model.role in ("student", "compressed")]
    assert len(digests) == 3
    picture = np.arange(64).reshape(8, 8).tolist()
    answers = bench.ask("digits", digests, picture)
    assert [answer.digest for answer in answers] == digests
    for answer in answers:
        (ranked,) = answer.parts
        assert len({row.label for row in ranked.rows}) == len(ranked.rows) > 1
        assert sum(row.probability for row in ranked.rows) <= 1.001
