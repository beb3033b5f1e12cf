"""A search under a budget: within its limits, resumed after a kill, paused, cancelled, extended; faults stop nothing."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kdui.core.errors import RecipeError, StateConflict
from kdui.core.family import Axis, FamilyState
from kdui.core.plan import Step
from kdui.core.run import RunState
from kdui.core.search import SearchSpec
from kdui.workbench.search.explain import explain
from kdui.workbench.search.searching import MOST_FAULTS, Searches
from kdui.workbench.search.trials import trials_of
from kdui.workbench.workbench import Workbench
from tests.store.made import artifact
from tests.workbench.families.made import finish

AXES = [Axis(name="distill.temperature", low=1, high=8), Axis(name="quantize.bits", values=(2, 3, 4, 6, 8))]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bench(settings):
    return Workbench(settings)


@pytest.fixture
def recipe(bench):
    return bench.recipe("quickstart").with_values({"name": "Demo"})


def answer(bench, family_id):
    """Measure the open trials as a worker would: more bits are better and larger, the best temperature is 5."""
    for trial in trials_of(bench.store, family := bench.store.families.get(family_id), spec(family)):
        if trial.standing == "open" and trial.run:
            bits, temperature = trial.values["quantize.bits"], trial.values["distill.temperature"]
            headline = 80 + 2 * bits - (temperature - 5) ** 2
            finish(bench, bench.store.runs.get(trial.run), headline, latency_ms=0.1 * bits, download_mb=0.1 * bits)


def spec(family):
    return SearchSpec.model_validate(family.spec["search"])


def rounds(bench, family_id, count):
    for _ in range(count):
        answer(bench, family_id)
        bench.searches.look(family_id)


def trials(bench, family_id):
    family = bench.store.families.get(family_id)
    return trials_of(bench.store, family, spec(family))


def test_the_pick_keeps_measured_limits_and_is_explained(bench, recipe):
    family = bench.searches.start(recipe, AXES, SearchSpec(latency_ms=0.605, download_mb=1.0, most_trials=12, patience=11))
    first = trials(bench, family.id)[0]
    assert first.values == {"distill.temperature": 4.0, "quantize.bits": 8}  # the recipe as it stands
    rounds(bench, family.id, 13)
    family = bench.store.families.get(family.id)
    assert (family.state, family.note) == (FamilyState.ENDED, "Its 12 trials are made.")
    found = explain(bench.store, family)
    # 6 bits take 0.6 ms, within the limit; but the upper end of the interval, 0.61 ms, is not.
    fitting = [trial for trial in trials(bench, family.id) if trial.values["quantize.bits"] <= 4]
    assert found.pick == max(fitting, key=lambda trial: trial.figures.headline)
    over = [trial for trial in trials(bench, family.id) if trial.values["quantize.bits"] >= 6]
    assert over and not any(trial.fits(spec(family)) for trial in over)
    assert set(found.importance) == {"distill.temperature", "quantize.bits"} and len(found.runners_up) == 3
    words = " ".join(found.sentences)
    for part in ("the best accuracy with at most 1", "Pick: trial", "overlap", "Tried: 12 settings (12 measured)", "PED-ANOVA"):
        assert part in words
    assert list(found.history) == sorted(found.history)


def test_another_search_begins_with_what_was_measured_and_a_front_has_all_trade_offs(bench, recipe):
    family = bench.searches.start(recipe, AXES, SearchSpec(most_trials=4))
    rounds(bench, family.id, 6)
    again = bench.searches.start(recipe, AXES, SearchSpec(aim="front", most_trials=6, seed=3))
    known = [trial for trial in trials(bench, again.id) if trial.known]
    assert [trial.values for trial in known] == [trial.values for trial in trials(bench, family.id)]
    rounds(bench, again.id, 8)
    found = explain(bench.store, bench.store.families.get(again.id))
    assert "4 known from earlier runs" in " ".join(found.sentences) and len(found.front) > 1
    sizes = [trial.figures.download_mb for trial in found.front]
    assert sizes == sorted(sizes, reverse=True)  # a lower headline only for less size
    assert bench.searches.start(recipe, AXES, SearchSpec(sampler="random")) and bench.runs().total == 11


def test_minutes_that_are_spent_end_it_and_more_let_it_go_on(bench, recipe):
    family = bench.searches.start(recipe, AXES, SearchSpec(minutes=1))
    bench.families.pause(family.id)
    answer(bench, family.id)
    bench.searches.look(family.id)
    assert len(trials(bench, family.id)) == 1  # nothing new while it is paused
    bench.families.resume(family.id)
    bench.searches.look(family.id)
    bench.store.families.change(family.id, tuple(FamilyState), spent_seconds=61.0)
    bench.searches.look(family.id)
    second = trials(bench, family.id)[1]
    assert (second.standing, second.words) == ("stopped", "the search's time was over")
    assert bench.store.families.get(family.id).note == "Its 1 min are spent."
    with pytest.raises(StateConflict, match="Extend it to go on"):
        bench.families.resume(family.id)
    bench.searches.extend(family.id, 5)
    assert trials(bench, family.id)[1].standing == "open"
    bench.families.cancel(family.id)
    bench.searches.look(family.id)
    assert {str(run.state) for run in bench.families.facts(family.id)} == {"succeeded", "cancelled"}


def test_a_broken_trial_stops_none_of_the_rest_but_a_broken_search_ends_with_the_reason(bench, recipe):
    family = bench.searches.start(recipe, AXES, SearchSpec(most_trials=50))
    bench.store.runs.update(trials(bench, family.id)[0].run, state=RunState.FAILED, error="The disk is full.")
    bench.searches.look(family.id)
    rounds(bench, family.id, 2)
    assert [trial.standing for trial in trials(bench, family.id)] == ["failed", "complete", "complete", "open"]
    for _ in range(MOST_FAULTS + 1):
        for trial in trials(bench, family.id):
            if trial.standing == "open":
                bench.store.runs.update(trial.run, state=RunState.FAILED, error="The disk is full.")
        bench.searches.look(family.id)
    ended = bench.store.families.get(family.id)
    assert (
        ended.state is FamilyState.ENDED
        and f"{MOST_FAULTS} trials in a row failed" in ended.note
        and "disk is full" in ended.note
    )
    with pytest.raises(RecipeError, match="Temperature must be 1 to 20"):
        bench.searches.start(recipe, [Axis(name="distill.temperature", low=1, high=99)], SearchSpec())
    with pytest.raises(RecipeError, match="what a search may vary"):
        bench.searches.start(recipe, [], SearchSpec())


def test_a_poor_trial_is_pruned_by_its_validation_curve_unless_a_front_is_wanted(bench, recipe):
    for aim, standing in (("best", "pruned"), ("front", "open")):
        family = bench.searches.start(recipe.with_values({"seed": 1 + (aim == "front")}), AXES, SearchSpec(aim=aim))
        for _ in range(6):
            for trial in trials(bench, family.id):
                if trial.standing == "open":
                    curve(bench, trial.run, 90.0)
            rounds(bench, family.id, 1)
        last = trials(bench, family.id)[-1]
        curve(bench, last.run, 20.0)
        bench.searches.look(family.id)
        assert trials(bench, family.id)[last.number].standing == standing
        bench.families.cancel(family.id)


def curve(bench, run_id, score):
    """Validation scores over the whole training."""
    epochs = bench.store.runs.get(run_id).recipe.stage("distill").settings.get("epochs", 20)
    for tenth in range(1, 8):
        bench.store.events(run_id).append("metric", step="distill", at=epochs * tenth / 10, validation=score)


def test_a_killed_search_goes_on_in_the_next_process_where_it_was(bench, recipe, settings):
    family = bench.searches.start(recipe, AXES, SearchSpec(most_trials=6))
    program = f"""
        import sys
        from kdui.settings import Settings
        from kdui.workbench.workbench import Workbench
        from tests.workbench.families.test_searches import rounds
        bench = Workbench(Settings.model_validate_json({settings.model_dump_json()!r}))
        rounds(bench, {family.id!r}, 3)
        print("three", flush=True)
        sys.stdin.read()
    """
    arguments = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as searching:
        assert searching.stdout.readline() == "three\n"
        os.kill(searching.pid, signal.SIGKILL)
    before = trials(bench, family.id)
    assert [trial.standing for trial in before] == ["complete"] * 3 + ["open"]
    # And as if it had died between a proposal and its run: that trial is queued, not proposed anew.
    answer(bench, family.id)
    bench.store.families.add(family.id, [{"distill.temperature": 2.0, "quantize.bits": 3}])
    again = Searches(Workbench(settings))
    again.look(family.id)
    assert trials(bench, family.id)[4].run
    rounds(bench, family.id, 4)
    after = trials(bench, family.id)
    assert after[:3] == before[:3] and len(after) == 6 and bench.store.families.get(family.id).state is FamilyState.ENDED
    assert len({repr(trial.values) for trial in after}) == 6


def test_a_sensitivity_report_tells_what_to_try_first(bench, recipe):
    joint = [
        {"change": {"sparsity": 0.0, "rank": 1.0, "bits": bits}, "measured": {"drop": drop}}
        for bits, drop in ((8, 0.1), (4, 0.8), (3, 5.0))
    ]
    digest = artifact(bench.store.artifacts, "report", {"sensitivity.json": json.dumps({"joint": joint}).encode()})
    report = Step(name="sensitivity", stage="sensitivity", method="sensitivity", operation="sensitivity", produces="report",
                  role="student", digest=digest)  # fmt: skip
    run = bench.store.runs.create(recipe, [report], "auto")
    bench.store.runs.set_step(run.id, "sensitivity", state="done")
    family = bench.searches.start(recipe, AXES, SearchSpec())
    assert family.spec["begin"] == [
        {"distill.temperature": 4.0, "quantize.bits": 8},
        {"distill.temperature": 4.0, "quantize.bits": 4},
    ]
    rounds(bench, family.id, 1)
    assert [trial.values["quantize.bits"] for trial in trials(bench, family.id)] == [8, 4]
