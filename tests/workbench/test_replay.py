"""A run of the past as it stood at a moment: steps, curves, results and log follow its events; long waits are cut."""

import pytest

from kdui.core.run import Event, RunState, StepState
from kdui.settings import Settings
from kdui.ui.runs import RunCalls
from kdui.workbench.replay import LONGEST_GAP, moment
from tests.ui.stocked import StockedWorkbench

BEGAN = 1_000_000.0


def step(time: float, name: str, state: str) -> Event:
    return Event(time=BEGAN + time, kind="step", step=name, values={"state": state})


EVENTS = (
    Event(time=BEGAN - 500, kind="state", values={"state": "queued"}),
    step(0, "teach", "running"),
    Event(time=BEGAN + 4, kind="loss", step="teach", at=0.5, values={"hard": 2.0}),
    step(10, "teach", "done"),
    step(10, "measure.teach", "running"),
    Event(time=BEGAN + 11, kind="log", step="measure.teach", text="Timed."),
    step(12, "measure.teach", "done"),
    step(1_012.00049, "distill", "cached"),  # the machine was asleep before
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    run = bench.stock()
    with bench.store.events(run.id).path.open("a", encoding="utf-8") as log:
        log.writelines(event.model_dump_json(exclude_defaults=True) + "\n" for event in EVENTS)
    return bench


@pytest.fixture(scope="module")
def detail(bench):
    return bench.run(bench.runs().rows[0].id)


def states(then, *names):
    return [next(each.state for each in then.detail.run.steps if each.name == name) for name in names]


def test_steps_results_and_log_are_those_of_the_moment(detail):
    early = moment(detail, EVENTS, 5)
    assert states(early, "teach", "measure.teach", "distill") == ["running", "waiting", "waiting"]
    assert next(each.progress for each in early.detail.run.steps if each.name == "teach") == pytest.approx(0.5)
    assert (early.detail.run.state, early.detail.results, early.detail.gain, early.log) == (RunState.RUNNING, (), None, "")
    assert [event.kind for event in early.events] == ["step", "loss"]
    later = moment(detail, EVENTS, 12)
    assert [result.role for result in later.detail.results] == ["teacher"]
    assert later.log.endswith("measure.teach: Timed.")


def test_a_wait_is_cut_and_the_end_is_the_run_as_it_is(detail):
    end = moment(detail, EVENTS, 1e9)
    assert end.total == end.at == 12 + LONGEST_GAP
    assert end.detail is detail and len(end.events) == len(EVENTS) - 1
    waited = (*EVENTS[:-1], step(12.0004, "distill", "cached"))
    whole = moment(detail, waited, 1e9).total
    assert whole == 12.001 and moment(detail, waited, round(1000 * whole) / 1000).detail is detail  # asked for in whole ms
    assert moment(detail, (), 5).total == 0.0
    assert moment(detail, EVENTS, -5).at == 0.0


def test_the_page_is_told_where_the_replay_stands(bench, detail):
    answer = RunCalls(bench).run_detail({"run": detail.run.id, "replay": 5_000})
    assert (answer["state"], answer["at"], answer["total"], answer["actions"]) == ("running", 5.0, 12 + LONGEST_GAP, "")
    assert '"y"' in answer["curves"]["loss"] and "metric" not in answer["curves"]
    whole = RunCalls(bench).run_detail({"run": detail.run.id})
    assert whole["state"] == "succeeded" and 'id="run-replay-start"' in whole["actions"] and "at" not in whole
    assert StepState.RUNNING not in [each.state for each in detail.run.steps]
