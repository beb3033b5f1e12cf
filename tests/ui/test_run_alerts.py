"""What alerts are told: a run that ended, and one whose models have learned nothing."""

import pytest

from kdui.core.run import RunState
from kdui.ui.run_alerts import AlertCalls
from tests.ui.stocked import StockedWorkbench


@pytest.fixture
def bench(settings):
    return StockedWorkbench(settings)


def states(bench, *watched):
    return {run["id"]: run["state"] for run in AlertCalls(bench).run_alerts({"watched": list(watched)})["runs"]}


def test_states_are_told_and_failures_with_their_reason(bench):
    good = bench.stock()
    waiting = bench.submit(bench.recipe("quickstart"))
    bench.store.runs.claim("cpu")
    bench.store.runs.transition(waiting.id, RunState.FAILED, error="The disk is full.")
    assert states(bench) == {good.id: "succeeded", waiting.id: "failed"}
    message = AlertCalls(bench).run_alerts({})["runs"]
    assert next(run for run in message if run["id"] == waiting.id)["words"] == "The disk is full."


def test_a_run_that_learned_nothing_is_anomalous_for_whoever_watched_it(bench):
    run = bench.stock(headline=10.3)
    assert states(bench, run.id) == {run.id: "anomalous"}
    assert states(bench) == {run.id: "succeeded"}  # it ended before anybody watched
