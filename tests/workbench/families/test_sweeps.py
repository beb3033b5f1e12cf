"""A sweep as one thing: made, paused, resumed, cancelled, extended and deleted; a fault in one run stops no other."""

import pytest

from kdui.core.errors import RecipeError, StateConflict, UnknownName
from kdui.core.family import Axis, FamilyState
from kdui.core.run import RunState
from kdui.store.store import Store
from kdui.workbench.families.rows import family_row
from kdui.workbench.sweep import MOST_IN_SWEEP, axis_of, drawn
from kdui.workbench.workbench import Workbench


@pytest.fixture
def bench(settings):
    workbench = Workbench(settings)
    yield workbench
    workbench.close()


@pytest.fixture
def recipe(bench):
    return bench.recipe("quickstart").with_values({"name": "Demo"})


def states(bench, family):
    return [str(run.state) for run in bench.families.facts(family.id)]


def test_a_grid_is_one_family_whose_runs_share_their_teacher(bench, recipe):
    family = bench.families.grid(recipe, {"distill.temperature": [1, 4], "quantize.bits": [4, 8]})
    runs = bench.families.runs(family.id)
    assert (family.kind, family.name, len(runs)) == ("grid", "Demo", 4)
    members = bench.store.families.members(family.id)
    assert members[3].values == {"distill.temperature": 4, "quantize.bits": 8}
    assert [run.recipe.stage("distill").settings["temperature"] for run in runs] == [1, 1, 4, 4]
    digests = [{step.name: step.digest for step in run.steps} for run in runs]
    assert len({each["teach"] for each in digests}) == 1 and len({each["distill"] for each in digests}) == 2
    assert bench.families.grid(recipe, {"seed": [0, 1]}).kind == "seeds"
    folded = bench.runs(fold=True)
    assert (folded.total, len(folded.rows), bench.runs().total) == (2, 2, 6)
    assert folded.families[family.id].counts == {"queued": 4} and len(folded.families[family.id].runs) == 4


def test_options_of_the_student_vary_as_well(bench, recipe):
    runs = bench.families.runs(bench.families.grid(recipe, {"student.width": [8, 12]}).id)
    assert [str(run.recipe.student) for run in runs] == ["cnn-small?width=8", "cnn-small?width=12"]
    assert "student.width=8" in runs[0].name
    with pytest.raises(RecipeError, match="names no student"):
        recipe.with_values({"student": None}).with_values({"student.width": 8})


def test_a_paused_family_waits_while_others_go_on(bench, recipe):
    family = bench.families.grid(recipe, {"distill.temperature": [1, 2]})
    other = bench.submit(recipe)
    bench.families.pause(family.id)
    assert bench.store.runs.claim("cpu").id == other.id
    assert bench.store.runs.claim("cpu:1", device="cpu") is None and states(bench, family) == ["queued"] * 2
    bench.families.resume(family.id)
    assert bench.store.runs.claim("cpu:1", device="cpu").id == bench.families.runs(family.id)[0].id
    with pytest.raises(UnknownName, match="family"):
        bench.families.pause("f-00000000")


def test_cancelled_runs_go_on_when_the_family_is_resumed(bench, recipe):
    family = bench.families.grid(recipe, {"distill.temperature": [1, 2, 3]})
    done = bench.store.runs.claim("cpu")
    bench.store.runs.transition(done.id, RunState.SUCCEEDED)
    bench.families.cancel(family.id)
    assert states(bench, family) == ["succeeded", "cancelled", "cancelled"]
    assert family_row(bench.store, family.id).progress == 1.0
    with pytest.raises(StateConflict, match="cancelled and cannot be paused"):
        bench.families.pause(family.id)
    bench.families.resume(family.id)
    assert states(bench, family) == ["succeeded", "queued", "queued"]


def test_extending_adds_what_is_lacking_and_repeats_nothing(bench, recipe):
    family = bench.families.grid(recipe, {"distill.temperature": [1, 2]})
    assert bench.families.extend(family.id, {"distill.temperature": [2, 4]}) == 1
    assert bench.families.extend(family.id, {"seed": [0, 1]}) == 3  # those of seed 0 are there
    values = [member.values for member in bench.store.families.members(family.id)]
    assert {(each["distill.temperature"], each.get("seed", 0)) for each in values} == {(t, s) for t in (1, 2, 4) for s in (0, 1)}
    assert len(bench.families.runs(family.id)) == len(values) == 6
    with pytest.raises(RecipeError, match="has all of these runs already"):
        bench.families.extend(family.id, {"seed": [1]})
    with pytest.raises(RecipeError, match=rf"1 to {MOST_IN_SWEEP} runs; this one has 606"):
        bench.families.extend(family.id, {"seed": list(range(202))})


def test_draws_are_the_same_again_and_an_extension_continues_them(bench, recipe):
    axes = [axis_of("distill.temperature", "1..8", int), axis_of("distill.learning_rate", "0.001..0.1 log", float)]
    assert axes[0].whole and axes[1].log and drawn(axes, 3, 0) == drawn(axes, 5, 0)[:3] != drawn(axes, 3, 1)
    family = bench.families.random(recipe, axes, 3)
    bench.families.extend(family.id, count=2)
    assert [member.values for member in bench.store.families.members(family.id)] == drawn(axes, 5, 0)
    assert all(0.001 <= each["distill.learning_rate"] <= 0.1 for each in drawn(axes, 40, 3))
    assert len(drawn([Axis(name="seed", values=(1, 2))], 9, 0)) == 2  # there are no more


def test_a_sweep_is_counted_before_it_is_built_and_checked_before_it_is_queued(bench, recipe):
    with pytest.raises(RecipeError, match="this one has 1,000,000,000"):
        bench.families.grid(recipe, {f"distill.knob{place}": list(range(1000)) for place in range(3)})
    with pytest.raises(RecipeError, match="Temperature must be 1 to 20"):
        bench.families.listed(recipe, [{"distill.temperature": 2}, {"distill.temperature": 99}])
    for text, words in (("8..1", "first end is below"), ("0..1 log", "ratios above 0"), ("", "write the values")):
        with pytest.raises(RecipeError, match=words):
            axis_of("distill.temperature", text, float)
    assert bench.store.families.all() == [] and bench.runs().total == 0


def test_a_member_that_cannot_run_is_noted_and_what_a_crash_left_out_is_queued_later(bench, recipe, settings):
    family = bench.families.grid(recipe, {"distill.temperature": [1, 2]})
    # As after a crash between the family's rows and its runs, and with a run that this version refuses.
    bench.store.families.add(family.id, [{"distill.temperature": 99}, {"distill.temperature": 3}])
    again = Workbench(settings)
    again.families.resume(family.id)
    refused, last = again.store.families.members(family.id)[2:]
    assert refused.run is None and "must be 1 to 20" in refused.outcome["refused"]
    assert again.store.runs.get(last.run).recipe.stage("distill").settings["temperature"] == 3
    assert again.store.families.counts([family.id]) == {family.id: {"queued": 3, "refused": 1}}
    with pytest.raises(StateConflict, match="has a run already"):
        again.store.runs.create(*again.plan(recipe), "auto", member=(family.id, 3))
    assert again.runs().total == 3  # the refused second run left nothing behind


def test_a_deleted_run_leaves_its_family_and_a_deleted_family_leaves_nothing(bench, recipe, settings):
    family = bench.families.listed(recipe, [{"seed": 0}, {"seed": 5}])
    first, second = bench.families.runs(family.id)
    bench.delete(first.id)
    assert [member.run for member in bench.store.families.members(family.id)] == [second.id]
    bench.store.runs.claim("cpu")
    with pytest.raises(StateConflict, match=r"are running\. Cancel it first"):
        bench.families.delete(family.id)
    bench.store.runs.transition(second.id, RunState.FAILED, error="broken")
    assert family_row(bench.store, family.id).state is FamilyState.ACTIVE
    bench.families.delete(family.id)
    assert bench.runs().total == 0 and Store(settings).families.all() == []
