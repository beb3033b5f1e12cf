"""A search judged for two devices gives two answers side by side; estimates wear their label and their error."""

import json

import pytest

from kdui import machine
from kdui.core.errors import RecipeError
from kdui.core.family import Axis
from kdui.core.measurement import Measurement, Provenance
from kdui.core.run import RunState
from kdui.core.search import SearchSpec
from kdui.ui.build import BuildCalls
from kdui.ui.run_family import FamilyCalls
from kdui.workbench.search.devices import Devices
from kdui.workbench.search.explain import explain
from kdui.workbench.search.searching import spec_of
from kdui.workbench.search.side_by_side import answers
from kdui.workbench.search.trials import trials_of
from kdui.workbench.workbench import Workbench
from tests.core.test_latency_prediction import product, profile
from tests.store.made import write
from tests.workbench.families.made import row

AXES = [Axis(name="distill.temperature", values=(2, 3, 4, 6, 8))]


@pytest.fixture
def bench(settings):
    return Workbench(settings)


def measured(bench, run_id, latency_ms, headline, kernels, spread=0.02):
    """Let a run succeed with a measured student and its kernels, as Measure leaves them."""
    run = bench.store.runs.get(run_id)
    step = next(each for each in run.steps if each.name == "measure.distill")
    if not bench.store.artifacts.has(step.digest):
        kept = {"kernels": kernels, "threads": 1}
        with bench.store.artifacts.draft(step.digest) as folder:
            write(folder, {"kernels.json": json.dumps(kept).encode()})
            facts = {"digest": step.digest, "produces": "measurements", "method": "measure", "operation": "measure", "inputs": {},
                     "seconds": 1.0, "device": "cpu", "created": "2026-01-01T00:00:00Z"}  # fmt: skip
            bench.store.artifacts.commit(folder, {**facts, "settings": {"machine": machine.fingerprint()}})
    bench.store.runs.update(run.id, state=RunState.RUNNING, slot=run.id)
    figure = Measurement(
        metric="accuracy", value=headline, unit="%", provenance=Provenance(origin="measured", device="a CPU", n=359, split="test")
    )
    bench.store.results.record(run.id, step.name, [figure], row(run, headline, latency_ms, 0.1, spread * latency_ms))
    bench.store.runs.transition(run.id, RunState.SUCCEEDED, progress=1.0)


def finish_all(bench, key):
    """A higher temperature makes a better and slower student here, whose network is larger."""
    for _ in range(7):
        family = bench.store.families.get(key)
        for trial in trials_of(bench.store, family, spec_of(family)):
            if trial.standing == "open" and trial.run:
                size = trial.values["distill.temperature"]
                measured(bench, trial.run, 0.02 * size, 80 + size, [product(20 * size, 20 * size)] * 2)
        bench.searches.look(key)


@pytest.fixture
def recipe(bench):
    return bench.recipe("quickstart")


def test_two_profiles_give_two_answers_side_by_side(bench, recipe):
    devices = Devices(bench.store)
    quick, slow = (devices.bring(profile(speed, title=title)).name for speed, title in ((1.0, "Quick"), (4.0, "Slow")))
    picks = {}
    for name in (quick, slow):
        family = bench.searches.start(recipe, AXES, SearchSpec(latency_ms=0.1, most_trials=5, device_profile=name))
        finish_all(bench, family.id)
        picks[name] = explain(bench.store, bench.store.families.get(family.id))
    assert picks[quick].pick.values["distill.temperature"] > picks[slow].pick.values["distill.temperature"]
    assert picks[slow].pick.figures.estimated and "(latency estimated)" in " ".join(picks[slow].sentences)
    # The second search took its trials from the first one's runs, and judged them for its own device.
    assert "known from earlier runs" in " ".join(picks[slow].sentences)
    found = {answer.device: answer for answer in answers(bench.store, bench.store.families.get(family.id))}
    assert set(found) == {"Slow, 1 thread", "Quick, 1 thread", "This machine"}
    assert [found[name].how for name in ("Slow, 1 thread", "Quick, 1 thread", "This machine")] == ["searched"] * 2 + [
        "judged anew"
    ]
    assert found["This machine"].latency == "measured" and found["This machine"].pick.values["distill.temperature"] == 4
    assert found["Quick, 1 thread"].pick == picks[quick].pick
    # No machine's graphs have checked these profiles, so half as much again counts against the limit.
    assert "How far off that is, is not known" in found["Slow, 1 thread"].sentences[1]
    high = found["Slow, 1 thread"].pick.figures
    assert high.latency_high == pytest.approx(1.5 * high.latency_ms) and high.latency_high <= 0.1
    shown = FamilyCalls(bench).run_family({"family": family.id})["found"]
    assert "The best for each device" in shown and "Quick, 1 thread" in shown and "○" in shown and "its own search" in shown


def test_the_error_is_that_of_this_machines_own_profile_on_its_graphs(bench, recipe):
    own = Devices(bench.store).bring(profile(title="Here", machine=machine.fingerprint()))
    there = Devices(bench.store).bring(profile(3.0, title="There"))
    assert Devices(bench.store).judged(there.name).where == "nowhere"
    for place, size in enumerate((10, 30, 60, 100, 200)):
        run = bench.submit(recipe.with_values({"distill.temperature": 1 + place}))
        from_sums = (5 + (place + 1) * (1 + size * size / 1000)) / 1000
        measured(bench, run.id, 1.25 * from_sums, 90.0, [product(size, size)] * (place + 1))
    busy = bench.submit(recipe.with_values({"distill.temperature": 7}))
    measured(bench, busy.id, 9.0, 90.0, [product(40, 40)], spread=0.5)  # its interval is too wide to check anything
    judged = Devices(bench.store).judged(there.name)
    assert (judged.where, judged.graphs) == ("here", 5)
    assert judged.factor == pytest.approx(1.25, rel=0.1) and judged.most_error < 0.15
    assert "By this machine's own profile" in judged.sentences[1] and "5 graphs" in judged.sentences[1]
    assert Devices(bench.store).own(there) == own


def test_a_latency_that_cannot_be_estimated_fails_the_trial_with_the_reason(bench, recipe):
    name = Devices(bench.store).bring(profile()).name
    family = bench.searches.start(recipe, AXES, SearchSpec(latency_ms=1.0, device_profile=name))
    (first,) = trials_of(bench.store, family, spec_of(family))
    measured(bench, first.run, 0.1, 90.0, [{**product(64, 64), "precision": "int8"}])
    (first,) = trials_of(bench.store, family, spec_of(family))
    assert first.standing == "failed" and "no timings of MatMul in int8" in first.words
    with pytest.raises(RecipeError, match="no device profile 'nothing'"):
        bench.searches.start(recipe, AXES, SearchSpec(device_profile="nothing"))


def test_build_offers_the_devices_and_keeps_a_file_from_elsewhere(bench):
    build = BuildCalls(bench)
    assert (
        build.build_search({})["devices"].count("<option") == 1 and "this machine, measured" in build.build_search({})["devices"]
    )
    listed = build.build_search({"profile": profile(title="Elsewhere").model_dump_json()})["devices"]
    assert "Elsewhere, 1 thread, estimated" in listed
    with pytest.raises(RecipeError, match="This file is no device profile"):
        build.build_search({"profile": "{}"})
