"""Curves and results as other programs read them; a tracker that cannot be used is told, and nothing else happens."""

import struct
import sys

import pytest
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event

from kdui.core.run import RunState
from kdui.engine.trackers.tracker import Trackers
from kdui.store.store import Store
from tests.ui.stocked import StockedWorkbench, measured


@pytest.fixture
def run(settings):
    return StockedWorkbench(settings).stock()


def opened(settings, run, names, said):
    return Trackers(Store(settings.model_copy(update={"trackers": names})), run, said.append)


def log(trackers):
    for epoch, loss in ((0.5, 2.25), (1.0, 1.5)):
        trackers.series("loss", "distill", epoch, {"total": loss})
    trackers.measured("measure.distill", [measured("accuracy", 96.75, "%")])
    trackers.close(RunState.SUCCEEDED)


def scalars(folder):
    """Tag, step and value of each scalar, read as the format says: length, its checksum, event, its checksum."""
    points = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            body = data[12 : 12 + length]
            for part, sum_at in ((data[:8], 8), (body, 12 + length)):
                plain = crc32c(part)
                masked = (((plain >> 15) | (plain << 17)) + 0xA282EAD8) & 0xFFFFFFFF
                assert masked == struct.unpack("<I", data[sum_at : sum_at + 4])[0]
            event, data = Event.FromString(body), data[16 + length :]
            points += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
    return points


def test_tensorboard_files_stand_beside_the_run_without_any_setting(settings, run):
    said = []
    log(opened(settings, run, "", said))
    assert scalars(settings.runs / run.id / "tensorboard") == [
        ("distill/loss/total", 500, 2.25),
        ("distill/loss/total", 1000, 1.5),
        ("measure.distill/accuracy", 0, 96.75),
    ]
    assert said == []


def test_a_tracker_that_is_not_installed_is_told_in_words(settings, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, "kdui.engine.trackers.mlflow", raising=False)
    said = []
    log(opened(settings, run, "mlflow", said))
    assert said == ["The tracker mlflow needs the package mlflow, which is not installed: see docs/serve.md."]
    assert len(scalars(settings.runs / run.id / "tensorboard")) == 3


def test_a_tracker_that_fails_later_is_left_aside_once(settings, run):
    said = []
    trackers = opened(settings, run, "", said)
    trackers._open["tensorboard"].writer.close()
    (folder := settings.runs / run.id / "tensorboard").rename(folder.with_name("gone"))
    folder.write_text("no folder", encoding="utf-8")
    log(trackers)
    assert len(said) == 1 and said[0].startswith("The tracker tensorboard is left aside, and the run goes on without it (")


def test_mlflow_holds_parameters_curves_and_results(settings, run):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    said = []
    log(opened(settings, run, "mlflow", said))
    client = MlflowClient(f"sqlite:///{settings.home / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("kdui").experiment_id])
    assert said == [] and found.info.status == "FINISHED" and found.data.params["distill.temperature"] == "4"
    assert [(point.step, point.value) for point in client.get_metric_history(found.info.run_id, "distill/loss/total")] == [
        (500, 2.25),
        (1000, 1.5),
    ]
    assert found.data.metrics["measure.distill/accuracy"] == 96.75


def test_wandb_writes_an_offline_run(settings, run):
    pytest.importorskip("wandb")
    said = []
    log(opened(settings, run, "wandb", said))
    assert said == [] and list(settings.home.glob("wandb/offline-run-*/*.wandb"))


def test_trackio_takes_a_run(settings, run, monkeypatch, tmp_path):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported
    pytest.importorskip("trackio")
    said = []
    log(opened(settings, run, "trackio", said))
    assert said == [] and any(path.is_file() for path in (tmp_path / "trackio").rglob("*"))
