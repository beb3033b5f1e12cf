"""Runs in the database: states, claims by many at once, the queue, and what goes when a run is deleted."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kdui.charts.front import pareto_front
from kdui.core.errors import StateConflict, UnknownName
from kdui.core.marks import Marks
from kdui.core.metric import ACCURACY
from kdui.core.plain import digest
from kdui.core.run import TRANSITIONS, RunState, StepState
from kdui.store.runs import HOST, group_digest
from kdui.store.store import Store
from tests.store.at_once import claim_all, in_processes
from tests.store.made import measured, plan, queued, recipe

# How a run comes into each state.
WAYS = {
    RunState.QUEUED: [],
    RunState.RUNNING: [RunState.RUNNING],
    RunState.SUCCEEDED: [RunState.RUNNING, RunState.SUCCEEDED],
    RunState.FAILED: [RunState.RUNNING, RunState.FAILED],
    RunState.CANCELLED: [RunState.CANCELLED],
    RunState.INTERRUPTED: [RunState.RUNNING, RunState.INTERRUPTED],
}


@pytest.fixture
def store(settings):
    return Store(settings)


def test_a_run_is_read_back_as_it_was_made(store):
    run = queued(store, "cpu", name="First", seed=7)
    assert (run.name, run.state, run.device, run.recipe.seed, run.attempts) == ("First", RunState.QUEUED, "cpu", 7, 0)
    assert [(step.name, step.digest) for step in run.steps] == [(step.name, step.digest) for step in plan(7)]
    assert {step.state for step in run.steps} == {StepState.WAITING}
    assert store.runs.get(run.id) == run
    assert store.runs.task_and_digests(run.id) == (run.recipe.task, {step.name: step.digest for step in run.steps})
    with pytest.raises(UnknownName):
        store.runs.task_and_digests("of nobody")
    with pytest.raises(UnknownName, match=f"Did you mean '{run.id}'"):
        store.runs.get(run.id[:-1] + "z")


@pytest.mark.parametrize("start", RunState)
@pytest.mark.parametrize("to", RunState)
def test_only_the_allowed_changes_of_state(store, start, to):
    run = queued(store)
    for state in WAYS[start]:
        store.runs.transition(run.id, state)
    if to in TRANSITIONS[start]:
        store.runs.transition(run.id, to)
        assert store.runs.get(run.id).state is to
    else:
        with pytest.raises(StateConflict, match=f"Run {run.id} is {start} and cannot become {to}"):
            store.runs.transition(run.id, to)
        assert store.runs.get(run.id).state is start


def test_a_claim_states_where_and_when(store):
    first, second = queued(store), queued(store)
    result = store.runs.claim("cpu")
    assert (result.id, result.state, result.slot, result.host, result.attempts) == (first.id, RunState.RUNNING, "cpu", HOST, 1)
    assert result.started and result.heartbeat and result.pid is None
    assert store.runs.claim("cpu") is None  # the slot is taken
    store.runs.transition(first.id, RunState.SUCCEEDED)
    assert store.runs.claim("cpu").id == second.id
    store.runs.transition(second.id, RunState.FAILED)
    assert store.runs.claim("cpu") is None  # nothing waits


def test_a_claim_takes_only_what_may_run_there(store):
    cpu, second, anywhere = queued(store, "cpu"), queued(store, "cuda:1"), queued(store, "auto")
    assert store.runs.claim("cuda:0").id == anywhere.id
    assert store.runs.claim("cuda:1").id == second.id
    other = queued(store, "auto")
    assert store.runs.claim("cpu", auto=False).id == cpu.id
    store.runs.transition(cpu.id, RunState.SUCCEEDED)
    assert store.runs.claim("cpu", auto=False) is None
    assert store.runs.claim("cpu").id == other.id


def test_many_dispatchers_start_each_run_once_and_one_a_slot(settings, tmp_path):
    store = Store(settings)
    ids = [queued(store).id for _ in range(24)]
    logs = [tmp_path / f"log{number}" for number in range(4)]
    in_processes(claim_all, [(settings, slot, log) for slot, log in zip(("cpu", "cpu", "cuda:0", "cuda:0"), logs, strict=True)])
    lines = [line for log in logs for line in log.read_text().splitlines()]
    assert sorted(line.split()[0] for line in lines) == sorted(ids)
    assert all(line.endswith(" 1 True") for line in lines), lines
    assert store.runs.counts() == {"succeeded": 24}


def test_what_was_seen_of_a_dead_worker_cannot_hit_its_successor(store):
    queued(store)
    first = store.runs.claim("cpu")
    store.runs.update(first.id, pid=100)
    stale = store.runs.get(first.id)
    store.runs.transition(first.id, RunState.INTERRUPTED, seen=stale)
    store.runs.transition(first.id, RunState.QUEUED)
    store.runs.claim("cpu")
    with pytest.raises(StateConflict):
        store.runs.transition(first.id, RunState.INTERRUPTED, seen=stale)
    assert store.runs.beat(stale, 0.5, None) is True  # the old worker is told to stop
    assert store.runs.get(first.id).state is RunState.RUNNING


def test_a_heartbeat_brings_back_the_wish_to_cancel(store):
    queued(store)
    run = store.runs.claim("cpu")
    assert store.runs.beat(run, 0.25, 12.0) is False
    (row,), _ = store.runs.page(state="running", task=None, text="", page=1, size=5)
    assert (row["progress"], row["eta_seconds"]) == (0.25, 12.0)
    store.runs.update(run.id, cancel_requested=True)
    assert store.runs.beat(run, 0.3, None) is True
    store.runs.transition(run.id, RunState.CANCELLED)
    store.runs.remove(run.id)
    assert store.runs.beat(run, 0.3, None) is True


def test_queueing_again_starts_clean_but_keeps_finished_steps(store):
    run = queued(store)
    store.runs.claim("cpu")
    store.runs.update(run.id, pid=5, cancel_requested=True)
    store.runs.set_step(run.id, "teach", state=StepState.DONE, seconds=2.0, progress=1.0)
    store.runs.set_step(run.id, "distill", state=StepState.RUNNING, progress=0.4, eta_seconds=9.0)
    store.runs.transition(run.id, RunState.CANCELLED)
    steps = store.runs.get(run.id).steps
    assert [(step.state, step.progress) for step in steps] == [(StepState.DONE, 1.0), (StepState.WAITING, 0.0)]
    assert steps[1].eta_seconds is None
    store.runs.set_step(run.id, "distill", state=StepState.FAILED)
    store.runs.transition(run.id, RunState.QUEUED)
    again = store.runs.get(run.id)
    assert (again.pid, again.slot, again.cancel_requested, again.finished, again.error) == (None, None, False, None, None)
    assert [step.state for step in again.steps] == [StepState.DONE, StepState.WAITING]


# --- the queue ----------------------------------------------------------------------------------------------------


def order(store: Store) -> list[str]:
    return [run.id for run in store.runs.in_state(RunState.QUEUED)]


def test_moving_in_the_queue(store):
    a, b, c = (queued(store).id for _ in range(3))
    store.runs.move(c, -1)
    assert order(store) == [a, c, b]
    store.runs.move(a, 99)
    assert order(store) == [c, b, a]
    store.runs.move(a, -99)
    assert order(store) == [a, c, b]
    assert store.runs.claim("cpu").id == a
    store.runs.move(b, -1)
    assert store.runs.in_state(RunState.QUEUED)[0].id == b
    with pytest.raises(StateConflict, match="not waiting in the queue"):
        store.runs.move(a, 1)
    assert order(store) == [b, c]
    last = queued(store).id
    assert order(store) == [b, c, last]


@hypothesis_settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(-5, 5)), min_size=20, max_size=30))
def test_any_number_of_moves_keeps_the_order_that_was_asked(store, moves):
    for run in store.runs.in_state(RunState.QUEUED):
        store.runs.remove(run.id)
    expected = [queued(store).id for _ in range(5)]
    names = list(expected)
    for which, places in moves:
        place = expected.index(names[which])
        expected.insert(max(0, min(4, place + places)), expected.pop(place))
        store.runs.move(names[which], places)
    assert order(store) == expected


# --- lists and deletion -------------------------------------------------------------------------------------------


def test_pages_filter_and_count(store):
    ids = [queued(store, name=f"Run {number}", seed=number).id for number in range(7)]
    other = queued(store, task="fashion-mnist", student="cnn-tiny").id
    store.runs.transition(ids[0], RunState.CANCELLED)
    rows, total = store.runs.page(state=None, task="digits", text="", page=2, size=3)
    assert ([row["id"] for row in rows], total) == ([ids[3], ids[2], ids[1]], 7)
    assert [row["id"] for row in store.runs.page(state="cancelled", task=None, text="", page=1, size=9)[0]] == [ids[0]]
    assert [row["id"] for row in store.runs.page(state=None, task=None, text="TINY", page=1, size=9)[0]] == [other]
    assert [row["id"] for row in store.runs.page(state=None, task=None, text="run 5", page=1, size=9)[0]] == [ids[5]]
    assert store.runs.page(state=None, task=None, text="", page=9, size=3) == ([], 8)
    assert store.runs.counts() == {"queued": 7, "cancelled": 1}


def test_what_runs_waits_or_is_pinned_stands_first_on_whatever_page_it_falls(store):
    ids = [queued(store, seed=number).id for number in range(9)]
    for run in ids[:6]:
        store.runs.transition(run, RunState.CANCELLED)
    running = store.runs.claim("cpu").id
    store.marks.put(ids[2], Marks(pinned=True))
    expected = [running, ids[7], ids[8], ids[2], ids[5], ids[4], ids[3], ids[1], ids[0]]
    wanted = {"state": None, "task": None, "text": "", "queue_first": True}
    for size in (2, 4, 9):
        pages = [store.runs.page(**wanted, page=number, size=size) for number in range(1, 9 // size + 2)]
        assert [row["id"] for rows, _ in pages for row in rows] == expected
        assert {total for _, total in pages} == {9}


@pytest.mark.parametrize("sign", [1, -1])
def test_the_front_in_the_database_is_that_of_the_chart(store, sign):
    random = np.random.default_rng(0)
    values, costs = random.integers(0, 20, 60).astype(float), random.integers(1, 15, 60).astype(float)
    run = queued(store)
    for number, (value, cost) in enumerate(zip(values, costs, strict=True)):
        known = {"headline": value, "latency_ms": cost if number else None}
        store.results.record(run.id, f"measure.{number}", [measured("accuracy", value)], row(**known))
    costs[0] = np.nan
    drawn = pareto_front(costs, values, ACCURACY if sign == 1 else ACCURACY.model_copy(update={"higher_is_better": False}))
    front = store.results.front("digits", "latency_ms", sign)
    assert [(each["latency_ms"], each["headline"]) for each in front] == [(costs[place], values[place]) for place in drawn]
    assert store.results.front("digits", "macs", sign) == store.results.front("sentiment", "latency_ms", sign) == []


def test_deleting_gives_back_what_no_other_run_needs(store):
    first, second = queued(store, seed=1), queued(store, seed=2)
    store.results.record(first.id, "distill", [measured("accuracy", 91.0)], row())
    assert store.runs.remove(first.id) == [digest(["d", 1])]  # the teacher belongs to the second run too
    assert store.results.of_run(first.id) == {} and store.results.rows_of_run(first.id) == []
    assert store.runs.remove(second.id) == sorted([digest("t"), digest(["d", 2])])
    queued(store)
    running = store.runs.claim("cpu")
    with pytest.raises(StateConflict, match="is running"):
        store.runs.remove(running.id)


def row(**changes) -> dict:
    unknown = dict.fromkeys(
        (
            "headline_low",
            "headline_high",
            "latency_ms",
            "latency_low",
            "latency_high",
            "token_ms",
            "file_mb",
            "gzip_mb",
            "packed_mb",
            "parameters",
            "macs",
            "memory_mb",
            "retained",
            "speedup",
        )
    )
    return {
        **unknown,
        "task": "digits",
        "role": "student",
        "label": "Small",
        "model": "cnn-small",
        "digest": "d",
        "group": "g",
        "headline": 91.0,
        "origin": "measured",
        "latency_origin": "measured",
        **changes,
    }


def test_expected_seconds_are_the_median_of_finished_steps(store):
    for seconds in (5.0, 1.0, 3.0):
        run = queued(store)
        store.runs.set_step(run.id, "teach", state=StepState.DONE, seconds=seconds)
        store.runs.set_step(run.id, "distill", state=StepState.CACHED, seconds=0.0)
    wanted = {("digits", "teach", "CNN"), ("digits", "distill", "Small"), ("reuters-r8", "teach", "CNN")}
    assert store.runs.expected_seconds(wanted) == {("digits", "teach", "CNN"): 3.0}
    assert store.runs.expected_seconds([]) == {}


def test_results_are_replaced_not_added_and_read_by_task(store):
    run = queued(store, name="First")
    before = store.results.version("digits")
    for accuracy in (90.0, 91.0):
        latency = measured("latency_p50", 0.5, "ms", samples=(0.4, 0.6), low=0.4, high=0.6, higher_is_better=False)
        store.results.record(run.id, "distill", [measured("accuracy", accuracy), latency], row(headline=accuracy, latency_ms=0.5))
    result = store.results.of_run(run.id)["distill"]
    assert result["accuracy"].value == 91.0
    assert (result["latency_p50"].samples, result["latency_p50"].low) == ((0.4, 0.6), 0.4)
    assert result["latency_p50"].provenance.device == "test"
    columns, rows = store.results.rows_of_task("digits")
    (only,) = [dict(zip(columns, values, strict=True)) for values in rows]
    assert (only["run"], only["run_name"], only["headline"], only["latency_ms"]) == (run.id, "First", 91.0, 0.5)
    assert store.results.version("digits") != before
    assert store.results.newest_headline("digits", "cnn-small", "student", "accuracy").value == 91.0
    assert store.results.newest_headline("digits", "cnn-small", "teacher", "accuracy") is None
    assert store.results.rows_of_task("sentiment")[1] == []


def test_repeats_differ_in_the_seed_alone():
    assert group_digest(recipe(seed=1, name="a"), "distill") == group_digest(recipe(seed=2), "distill")
    assert group_digest(recipe(), "distill") != group_digest(recipe(), "teach")
    assert group_digest(recipe(), "distill") != group_digest(recipe(student="cnn-tiny"), "distill")
