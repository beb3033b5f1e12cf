"""The cache of a teacher's features: what goes in comes out in fp16, of ragged texts, in every view, mapped or resident."""

import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdui.catalogue.planner import plan_recipe
from kdui.core.artifact import Artifact, FileRecord, Manifest
from kdui.core.errors import StageFailed
from kdui.core.run import Run, RunState
from kdui.engine.pipeline import Pipeline
from kdui.engine.reporter import RunReporter
from kdui.models.layer_refs import Point, Taps, match_layers
from kdui.models.module_store import load_model
from kdui.training import teacher_features
from kdui.training.teacher_features import CachedFeatures, FeatureWriter
from tests.engine.digits import Bench, digest_of, read_json
from tests.training.digits import resident, splits

CPU = torch.device("cpu")


def artifact(folder: Path) -> Artifact:
    """The folder as the store would give it."""
    files = {path.name: FileRecord(bytes=path.stat().st_size, sha256="") for path in folder.glob("*.npy")}
    facts = {
        "digest": "",
        "produces": "outputs",
        "method": "distill",
        "operation": "teacher_features",
        "settings": {},
        "inputs": {},
    }
    return Artifact(path=folder, manifest=Manifest(files=files, seconds=0, device="", created=datetime.now(UTC), **facts))


def padded(lengths: list[int], width: int, seed: int = 0) -> torch.Tensor:
    """Values [texts, longest, width] with noise, not zeros, in the padding."""
    return torch.randn(len(lengths), max(lengths), width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["resident", "mapped"])
def placed(request, monkeypatch):
    """Both ways to hold a cache."""
    if request.param == "mapped":
        monkeypatch.setattr(teacher_features, "RESIDENT_BYTES", 0)


def test_ragged_texts_come_back_exactly_without_their_padding(tmp_path, placed):
    lengths = [3, 1, 6, 2]
    values = padded(lengths, 5)
    writer = FeatureWriter(tmp_path, "0", np.array(lengths), by_token=True)
    for batch in ([2, 0], [1, 3]):
        writer.write(np.array(batch), values[batch][:, : max(lengths[index] for index in batch)])
    assert writer.close() == (5,)
    assert np.load(tmp_path / "0.npy").shape == (12, 5)
    cached = CachedFeatures(artifact(tmp_path), "0", 4, True, CPU)
    result = cached(torch.tensor([3, 2, 2, 0]), 0)
    assert result.shape == (4, 6, 5)
    for row, index in enumerate([3, 2, 2, 0]):
        assert torch.equal(result[row, : lengths[index]], values[index, : lengths[index]].half().float())
        assert not result[row, lengths[index] :].any()
    longer = cached(torch.tensor([1, 3]), 0, length=9)
    assert longer.shape == (2, 9, 5)
    assert torch.equal(longer[:, :2], cached(torch.tensor([1, 3]), 0))


def test_views_of_whole_examples_lie_behind_each_other(tmp_path, placed):
    views = torch.randn(2, 3, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    writer = FeatureWriter(tmp_path, "maps", np.ones(6, np.int64), by_token=False)
    for view in range(2):
        writer.write(np.arange(3) + 3 * view, views[view])
    assert writer.close() == (4, 2, 2)
    cached = CachedFeatures(artifact(tmp_path), "maps", 3, False, CPU)
    for view in range(4):
        assert torch.equal(cached(torch.tensor([2, 0]), view), views[view % 2][[2, 0]].half().float())


def test_values_beyond_fp16_are_kept_at_its_bounds(tmp_path):
    writer = FeatureWriter(tmp_path, "0", np.ones(2, np.int64), by_token=False)
    writer.write(np.array([1, 0]), torch.tensor([[1e9], [-1e9]]))
    writer.close()
    assert CachedFeatures(artifact(tmp_path), "0", 2, False, CPU)(torch.tensor([0, 1]), 0).tolist() == [[-65504.0], [65504.0]]


# --- kept by a real teacher --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("features"))


def hinted(bench: Bench, teach: int = 1, must_succeed: bool = True, **settings: Any) -> Run:
    """One epoch of hints from every layer, from a teacher of this many epochs."""
    knobs = {"epochs": 1, "control": False, "layers": "auto", "augment": True, "views": 2, **settings}
    stages = [{"teach": {"epochs": teach, "learning_rate": 0.004}}, {"hints": knobs}]
    run = bench.run({"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": stages})
    assert not must_succeed or run.state is RunState.SUCCEEDED, run.error
    return run


def fed_with(bench: Bench, run: Run, other: Run) -> None:
    """Train the student of one run on the kept values of another."""
    plan, theirs = ({step.name: step for step in plan_recipe(item.recipe, bench.settings)} for item in (run, other))
    student = plan["hints"].model_copy(update={"digest": "0" * 64})
    steps = [plan["teach"], plan["hints.outputs"], theirs["hints.features"], student]
    Pipeline(bench.store, run, steps, CPU, RunReporter(bench.store, run.id, {}))._make(student)


def test_kept_values_are_the_teachers_own_in_every_view(bench):
    run = hinted(bench)
    folder, module = bench.folder(run, "hints.features"), load_model(bench.folder(run, "teach"))[0].eval()
    points = [Point(layer, side) for layer, side in read_json(folder / "points.json")["points"]]
    assert [point.layer for point in points] == ["features.4", "features.7"]
    index, data = torch.tensor([5, 900, 17]), resident("train")
    for number, point in enumerate(points):
        cached = CachedFeatures(artifact(folder), str(number), len(splits()["train"]), False, CPU)
        for view in range(2):
            with Taps(module, [point]) as taps, torch.inference_mode():
                module(**data.inputs(index, view))
                own = taps[point].clone()
                module(**data.inputs(index, 1 - view))
                other = taps[point].clone()
            right, wrong = ((cached(index, view) - values).abs().mean() for values in (own, other))
            # fp16 and, where the processor has it, bf16.
            assert right < 0.02 * own.abs().mean()
            assert wrong > 5 * right


def test_the_cache_of_another_teacher_is_refused(bench):
    with pytest.raises(StageFailed, match=r"belong to another teacher\. Run the recipe again"):
        fed_with(bench, hinted(bench), hinted(bench, teach=2))


def test_a_cache_of_other_layers_is_refused(bench):
    with pytest.raises(StageFailed, match=r"lack layer features\.7: they were kept for other layers"):
        fed_with(bench, hinted(bench), hinted(bench, layers="0:1"))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room on a disk")
def test_a_full_disk_in_the_middle_of_caching_fails_in_words_and_leaves_nothing(bench, monkeypatch):
    calls = []

    def third_fails(number: int, offset: int, length: int) -> None:
        calls.append(length)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", third_fails)
    run = hinted(bench, views=3, must_succeed=False)
    assert run.state is RunState.FAILED
    assert "The disk is full" in run.error and "then resume" in run.error
    assert calls == [128 + 3 * len(splits()["train"]) * values * 2 for values in (10, 32 * 4 * 4, 64 * 2 * 2)]  # answers first
    assert not bench.store.artifacts.has(digest_of(run, "hints.features"))
    assert list((bench.settings.artifacts / "drafts").iterdir()) == []


@pytest.mark.parametrize(
    ("layers", "student", "teacher", "pairs"),
    [
        ("last", 2, 6, [(1, 5)]),
        ("auto", 2, 6, [(0, 2), (1, 5)]),
        ("auto", 3, 12, [(0, 3), (1, 7), (2, 11)]),
        ("auto", 4, 2, [(0, 0), (1, 0), (2, 1), (3, 1)]),
        ("0:1, 2:5", 3, 6, [(0, 1), (2, 5)]),
    ],
)
def test_which_layers_meet(layers, student, teacher, pairs):
    assert match_layers(layers, student, teacher) == pairs
