"""What a teacher said is kept within a limit, and is not asked again for students that are there."""

from kdui.core.run import RunState
from tests.engine.digits import SHORT, Bench, digest_of, states


def test_cleared_outputs_are_made_again_only_for_a_new_student(tmp_path):
    bench = Bench(tmp_path)
    first = bench.run(SHORT)
    assert first.state is RunState.SUCCEEDED, first.error
    outputs = digest_of(first, "distill.outputs")
    bench.store.artifacts.remove(outputs)

    again = bench.run(SHORT)
    assert set(states(again).values()) == {"cached"}
    assert not bench.store.artifacts.has(outputs)

    warmer = bench.run(SHORT, {"distill.temperature": 2})
    assert states(warmer)["distill.outputs"] == "done" and states(warmer)["distill"] == "done"
    assert bench.store.artifacts.has(outputs)


def test_a_grid_of_temperatures_and_weights_runs_the_teacher_once(tmp_path):
    bench = Bench(tmp_path)
    made = [
        name
        for temperature in (2, 4)
        for weight in (0.3, 0.9)
        for name, state in states(
            bench.run(SHORT, {"distill.temperature": temperature, "distill.soft_weight": weight, "distill.control": True})
        ).items()
        if state == "done"
    ]
    assert made.count("teach") == made.count("distill.outputs") == made.count("distill.control") == 1
    assert made.count("distill") == 4
