"""Structured pruning as a stage: targets are met, rounds resume, the result is smaller and still knows its digits."""

import pytest

from kdui.core.errors import Cancelled, RecipeError
from kdui.core.run import RunState
from kdui.engine.reporter import RunReporter
from kdui.methods.compress.prune_structured import apply, strength
from kdui.models.module_store import load_model
from kdui.models.size import count_parameters
from kdui.runtime.latency import Latency
from kdui.training import loop
from tests.engine.bert import checkpoint
from tests.engine.digits import Bench
from tests.methods.taught import TEACH

RECOVER = {"batch_size": 32, "learning_rate": 0.01, "epochs": 2, "soft_weight": 0}


def recipe(teacher="cnn-medium", **settings):
    return {
        "task": "digits",
        "teacher": teacher,
        "stages": [{"teach": TEACH}, {"prune_structured": {**RECOVER, **settings}}],
    }


def shrunk(bench, **settings):
    run = bench.run(recipe(**settings))
    assert run.state is RunState.SUCCEEDED, run.error
    return bench.summary(run, "prune_structured"), run


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"share": 0.5}, 0.35),
        ({"share": 0.5, "rounds": 2, "kind": "taylor", "calibration_examples": 64}, 0.35),
        ({"target": "macs", "keep": 0.3, "scope": "global", "kind": "bn-scale"}, 0.3),
        ({"target": "macs", "keep": 0.25, "rounds": 2, "scope": "global"}, 0.25),
    ],
)
def test_the_model_is_really_smaller_and_still_reads_digits(bench, settings, most):
    summary, run = shrunk(bench, **settings)
    assert summary["macs"] <= most * summary["macs_before"]
    assert summary["training"]["epochs"] == 2 and summary["training"]["validation"] > 60
    module, _, _ = load_model(bench.folder(run, "prune_structured"))
    assert count_parameters(module) == summary["parameters"] < summary["parameters_before"]
    assert any("channels: [" in line for line in bench.said(run))


def test_a_target_of_latency_is_met_by_measuring(bench, monkeypatch):
    sizes = []

    def timed(candidate, baseline, sample, **_):
        """A machine whose latency is the size of the file."""
        sizes.append(candidate.stat().st_size)
        return Latency(candidate_ms=(float(sizes[-1]),), baseline_ms=(float(baseline.stat().st_size),), load_ms=1.0)

    monkeypatch.setattr(strength, "measure_latency", timed)
    monkeypatch.setattr(apply, "LATENCY_TRIALS", 1)
    summary, run = shrunk(bench, target="latency", keep=0.4, epochs=1)
    assert len(sizes) == 2 + 1  # the original, the strongest cut, and one between
    assert summary["parameters"] < 0.5 * summary["parameters_before"]
    assert any("of the latency are left after this cut" in line for line in bench.said(run))


def test_a_share_of_zero_changes_nothing(bench):
    summary, _ = shrunk(bench, share=0.0, epochs=0)
    assert summary["macs"] == summary["macs_before"] and summary["parameters"] == summary["parameters_before"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rounds": 3}, "prunes in 3 rounds, but has 2 fine-tuning epochs"),
        ({"kind": "wanda"}, "prune_structured.kind"),
        ({"share": 1.0}, "to 0.95"),
    ],
)
def test_what_cannot_work_is_reported(bench, settings, words):
    with pytest.raises(RecipeError, match=words):
        bench.plan(recipe(**settings))


def test_a_recurrent_student_is_refused(bench):
    stages = ["teach", "distill", "prune_structured"]
    plain = {"task": "reuters-r8", "teacher": "minilm-l6", "student": "bilstm-64", "stages": stages}
    with pytest.raises(RecipeError, match="has no channels, heads or layers"):
        bench.plan(plain)


def test_a_transformer_has_no_scales_of_batch_normalisation(bench):
    with pytest.raises(RecipeError, match="no batch normalisation"):
        bench.plan(
            {"task": "reuters-r8", "teacher": "minilm-l6", "stages": ["teach", {"prune_structured": {"kind": "bn-scale"}}]}
        )


def test_a_run_that_is_stopped_between_two_cuts_ends_as_one_that_was_not(bench, tmp_path, monkeypatch):
    plain = recipe(target="macs", keep=0.3, rounds=2, kind="taylor", calibration_examples=64)
    whole = bench.run(plain)
    other = Bench(tmp_path / "other")
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    progress = RunReporter.progress

    def stop(self, fraction):
        progress(self, fraction)
        if self._step == "prune_structured" and fraction > 0.7:
            raise Cancelled("asked")

    with monkeypatch.context() as patch:
        patch.setattr(RunReporter, "progress", stop)
        run = other.run(plain)
    assert run.state is RunState.INTERRUPTED
    run = other.work_off(run)
    assert run.state is RunState.SUCCEEDED, run.error
    name = "model.safetensors"
    same = [one.folder(done, "prune_structured") / name for one, done in ((bench, whole), (other, run))]
    assert same[0].read_bytes() == same[1].read_bytes()


def test_channels_are_left_in_multiples_where_requested(bench):
    named = [bench.plan(recipe(multiple=number))[1] for number in (8, 1)]
    assert [step.settings.get("multiple") for step in named] == [8, None]  # as it was before the knob joined
    _, run = shrunk(bench, share=0.4, epochs=1)
    message = next(line for line in bench.said(run) if "channels: [" in line)
    before, left = ([int(number) for number in part.split("]")[0].split(",")] for part in message.split("[")[1:])
    assert all(now % 8 == 0 for now, was in zip(left, before, strict=True) if was >= 16) and left != before, message


def test_the_machine_belongs_to_a_measured_target_alone(bench):
    named = {target: bench.plan(recipe(target=target))[1].settings for target in ("share", "macs", "latency")}
    assert {target: "machine" in settings for target, settings in named.items()} == {
        "share": False,
        "macs": False,
        "latency": True,
    }
    assert "keep" not in named["share"] and "share" not in named["macs"]


def test_a_transformer_loses_heads_units_width_and_layers(tmp_path, shared_cache):
    bench = Bench(tmp_path / "home")
    bench.settings.home.mkdir(exist_ok=True)
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    teacher = checkpoint(
        tmp_path / "teacher", ["oil prices rose", "profit and loss for the quarter", "wheat"], layers=3, vocabulary=60
    )
    knobs = {"batch_size": 16, "train_examples": 64}
    shares = {"heads": 0.5, "feed_forward": 0.5, "hidden": 0.25, "layers": 0.34}
    run = bench.run(
        {
            "task": "reuters-r8",
            "teacher": f"folder:{teacher}",
            "stages": [
                {"teach": {**knobs, "epochs": 1}},
                {"prune_structured": {**RECOVER, **knobs, **shares, "kind": "taylor", "calibration_examples": 32, "epochs": 1}},
            ],
        }
    )
    assert run.state is RunState.SUCCEEDED, run.error
    summary, step_summary = bench.summary(run, "prune_structured"), bench.said(run)
    assert summary["macs"] < 0.4 * summary["macs_before"]
    assert any("heads: [4, 4, 4] before, [2, 2] left" in line for line in step_summary)
    assert any("width: [64] before, [48] left" in line for line in step_summary)
    assert count_parameters(load_model(bench.folder(run, "prune_structured"))[0]) == summary["parameters"]
