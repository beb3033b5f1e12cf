"""The lineage of a run: what its manifests say, and the plan where nothing is made yet."""

from kdui.core.plain import digest
from kdui.core.run import RunState, StepState
from kdui.ui.panel import answered
from kdui.ui.pins.pinner import look
from kdui.ui.run_lineage import LineageCalls
from kdui.workbench.lineage import lineage
from kdui.workbench.workbench import Workbench
from tests.store.made import artifact, queued


def test_boxes_say_what_they_were_made_from_by_whom_and_what_the_store_saved(settings):
    bench = Workbench(settings)
    store = bench.store
    first, second = queued(store, seed=0), queued(store, seed=1)
    teacher = digest("t")
    artifact(store.artifacts, "t", seconds=40.0)
    artifact(store.artifacts, ["d", 1], seconds=2.0, inputs={"teacher": teacher})
    store.runs.set_step(first.id, "teach", state=StepState.DONE, seconds=40.0)
    store.runs.set_step(second.id, "teach", state=StepState.CACHED, seconds=0.01)
    store.runs.set_step(second.id, "distill", state=StepState.DONE, seconds=2.0)
    boxes = lineage(store, store.runs.get(second.id))
    assert [box.inputs for box in boxes] == [{}, {"teacher": "teach"}]
    assert [(box.cached, box.seconds, box.made_by) for box in boxes] == [(True, 40.0, first.id), (False, 2.0, second.id)]
    calls = LineageCalls(bench)
    answer = calls.run_lineage({"run": second.id, "step": "teach"})
    assert answer["title"] == "1 of 2 steps were found in the store, which saved 40\u202fs"
    assert 'data-sources="[&quot;teach&quot;]"' in answer["html"] and teacher in answer["box"]
    assert f"run={first.id}" in answer["box"] and "model.bin" in answer["box"]
    assert "There is no step" in answered(calls.run_lineage)({"run": second.id, "step": "nope"})["error"]
    rows = look(bench, "lineage", {"run": second.id}).content.tables[0].rows
    assert [row[2] for row in rows] == ["training data", "teach"]


def test_what_is_not_made_yet_comes_from_the_plan(settings):
    bench = Workbench(settings)
    run = bench.submit(bench.recipe("quickstart"))
    boxes = {box.step.name: box for box in lineage(bench.store, run)}
    assert boxes["distill"].inputs == {"teacher": "teach", "outputs": "distill.outputs"}
    assert not boxes["distill"].there and boxes["distill"].seconds is None
    bench.store.runs.transition(run.id, RunState.CANCELLED)
