"""Models whose weights stand in a file beside the graph go through every stage like small ones."""

import pytest

from kdui.core.run import RunState
from tests.engine.digits import Bench

TEACH = {"teach": {"epochs": 2, "learning_rate": 0.004}}
RECIPES = {
    "after training": [
        TEACH,
        {"prune": {"sparsity": 0.5, "epochs": 0}},
        {"quantize": {"bits": 8}},
        {"measure": {"speed": False}},
    ],
    "low bits": [TEACH, {"qat": {"weight_bits": 4, "activation_bits": 8, "epochs": 1}}, {"measure": {"speed": False}}],
}


@pytest.fixture(scope="module", params=RECIPES.values(), ids=RECIPES.keys())
def found(request, tmp_path_factory):
    """What one recipe gives with the limit that there is, and when 2 kB count as large."""
    rows = {}
    for limit in (1_500_000_000, 2_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kdui.runtime.graph_files.LARGEST", limit)
            bench = Bench(tmp_path_factory.mktemp("home"))
            run = bench.run({"task": "digits", "teacher": "cnn-small", "stages": request.param})
            assert run.state is RunState.SUCCEEDED, run.error
            rows[limit] = (bench, run, {row["step"]: row for row in bench.store.results.rows_of_run(run.id)})
    return rows


def test_weights_stand_beside_the_graph(found):
    bench, run, _ = found[2_000]
    files = {
        step.name: set(bench.store.artifacts.open(step.digest).manifest.files)
        for step in run.steps
        if step.method in ("export", "quantize")
    }
    assert files and all(names == {"inputs.json", "model.onnx", "model.onnx.data"} for names in files.values()), files


def test_they_answer_alike_and_their_whole_size_counts(found):
    (_, _, small), (_, _, large) = found[1_500_000_000], found[2_000]
    assert small.keys() == large.keys() and len(small) >= 2
    for step, row in small.items():
        assert large[step]["headline"] == row["headline"], step
        # The weights alone weigh more than this; what else a small graph holds differs by exporter and quantizer.
        assert large[step]["file_mb"] > (4 if step == "measure.teach" else 1) * row["parameters"] / 1e6, step
