"""What a stopwatch decides is decided once: a step that is made again gives the same bytes, and says by which readings."""

import hashlib
from pathlib import Path

import pytest

from kdui.core.errors import StageFailed
from kdui.core.metric import ACCURACY
from kdui.methods.compress.quantize import fastest as choosing
from kdui.methods.compress.quantize.fastest import fastest, near_best
from kdui.runtime.latency import Latency
from kdui.training.recorded_choice import OPERATION
from tests.charts.frames import LOWER
from tests.engine.digits import Bench, digest_of, states

RECIPE = {
    "task": "digits",
    "teacher": "cnn-small",
    "stages": [
        {"teach": {"epochs": 2, "learning_rate": 0.004}},
        {"quantize": {"bits": 8, "calibration_examples": 32}},
        {"measure": {"latency_runs": 20, "sweep": False}},
    ],
}


def timed(seconds: dict[str, float], spread: float = 0.0):
    """A machine on which each file takes so long, give or take a share."""

    def measure(candidate: Path, baseline: Path, sample, *, runs: int, processes: int) -> Latency:
        def readings(path):
            return tuple(seconds[path.stem] * (1 + spread * ((number % 7) - 3) / 3) for number in range(runs * processes))

        return Latency(candidate_ms=readings(candidate), baseline_ms=readings(baseline), load_ms=1.0, parts=(runs,) * processes)

    return measure


@pytest.mark.parametrize(
    ("seconds", "spread", "kept"),
    [
        ({"U8S8": 1.0, "S8S8": 1.0}, 0.0, "U8S8"),
        ({"U8S8": 1.0, "S8S8": 0.97}, 0.0, "U8S8"),  # faster, but not clearly
        ({"U8S8": 1.0, "S8S8": 0.7}, 0.0, "S8S8"),
        ({"U8S8": 0.7, "S8S8": 1.0}, 0.0, "U8S8"),
        ({"U8S8": 1.0, "S8S8": 0.96}, 0.4, "U8S8"),
    ],
)
def test_the_preferred_variant_stays_unless_another_is_clearly_faster(monkeypatch, seconds, spread, kept):
    monkeypatch.setattr(choosing, "measure_latency", timed(seconds, spread))
    collected = []
    result = fastest(
        {name: Path(name) for name in seconds}, near_best({"S8S8": 97.0, "U8S8": 97.0}, ACCURACY), {}, collected.append
    )
    assert result["variant"] == kept
    (reading,) = result["readings"]
    assert (reading["variant"], reading["against"], reading["runs"], reading["processes"]) == ("S8S8", "U8S8", 180, 3)
    assert ("it is kept instead" in collected[0]) == (kept == "S8S8") and "180 alternating inferences" in collected[0]


def test_accuracy_goes_before_speed():
    assert near_best({"S8S8": 97.0, "U8S8": 96.0}, ACCURACY) == ["S8S8"]
    assert near_best({"dynamic": 97.0, "dynamic, fused attention": 96.9}, ACCURACY) == ["dynamic, fused attention", "dynamic"]
    with pytest.raises(StageFailed, match="No int8 variant"):
        near_best({}, ACCURACY)


def test_an_int8_variant_may_lose_little_of_a_metric_of_which_less_is_better():
    assert near_best({"S8S8": 1.0, "U8S8": 1.002, "dynamic": 1.01}, LOWER) == ["U8S8", "S8S8"]  # 0.25 % of the best is allowed
    assert near_best({"S8S8": 1.0, "U8S8": 0.9}, LOWER) == ["U8S8"]


def test_a_step_that_is_made_again_gives_the_same_bytes(tmp_path, monkeypatch):
    """Also where the stopwatch would by now say otherwise."""
    bench = Bench(tmp_path)
    monkeypatch.setattr(choosing, "measure_latency", timed({"0": 1.0, "1": 2.0, "2": 5.0}))  # S8S8 stands first among the files
    first = bench.run(RECIPE)
    assert first.state == "succeeded", first.error
    digest, path = digest_of(first, "quantize"), bench.folder(first, "quantize") / "model.onnx"
    before, summary = hashlib.sha256(path.read_bytes()).hexdigest(), bench.summary(first, "quantize")
    assert summary["variant"] == "S8S8" and summary["readings"][0]["ratio"] == pytest.approx(2.0)
    assert {"S8S8", "U8S8"} <= set(summary["variants"])
    note = bench.measured(first)["quantize"]["latency_p50"].provenance.note
    assert "int8 graph S8S8, chosen because S8S8 ran 2.00 (2.00 to 2.00) times as fast as U8S8" in note
    manifests = [bench.store.artifacts.manifest(name) for name in bench.store.artifacts.digests()]
    (kept,) = [manifest for manifest in manifests if manifest.operation == OPERATION]
    assert kept.summary["readings"] == summary["readings"] and kept.inputs == {"model": digest_of(first, "export.teach")}

    bench.store.artifacts.remove(digest)
    monkeypatch.setattr(choosing, "measure_latency", timed({"0": 2.0, "1": 1.0, "2": 5.0}))
    again = bench.run(RECIPE)
    assert digest_of(again, "quantize") == digest and states(again)["quantize"] == "done"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert bench.summary(again, "quantize")["variant"] == "S8S8"
    assert any("as chosen on this processor" in line for line in bench.said(again))

    bench.store.artifacts.remove(digest)
    bench.store.artifacts.remove(kept.digest)
    third = bench.run(RECIPE)
    assert bench.summary(third, "quantize")["variant"] == "U8S8"  # a store that has no record chooses anew
