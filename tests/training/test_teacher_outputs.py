"""Kept teacher outputs: what is read back is what was said, from memory or from the file, whole or the largest alone."""

import numpy as np
import pytest
import torch

from kdui.store.artifacts import ArtifactStore
from kdui.training.teacher_outputs import TeacherOutputs, write_outputs
from tests.store.made import facts

CPU = torch.device("cpu")
INDEX = torch.tensor([4, 0, 4])


def kept(settings, outputs: np.ndarray, **options: int) -> TeacherOutputs:
    store = ArtifactStore(settings)
    with store.draft(facts("one")["digest"]) as folder:
        write_outputs(folder, outputs, **options)
        return TeacherOutputs(store.commit(folder, facts("one")), CPU)


def rows(classes: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 4, (2, 6, classes)).astype(np.float32)


@pytest.mark.parametrize("resident", [True, False])
def test_outputs_are_read_back_by_view_and_example(settings, monkeypatch, resident):
    if not resident:
        monkeypatch.setattr(TeacherOutputs, "RESIDENT_BYTES", 0)
    outputs = rows(5)
    found = kept(settings, outputs)
    assert (found.views, found.count) == (2, 6)
    assert torch.equal(found(INDEX, 3), torch.from_numpy(outputs[1, [4, 0, 4]].astype(np.float16)).float())


@pytest.mark.parametrize("resident", [True, False])
def test_of_many_classes_the_largest_keep_their_probability(settings, monkeypatch, resident):
    if not resident:
        monkeypatch.setattr(TeacherOutputs, "RESIDENT_BYTES", 0)
    outputs = rows(50)
    found = kept(settings, outputs, many=20, top=8)(INDEX, 0)
    whole = torch.softmax(torch.from_numpy(outputs[0, [4, 0, 4]]), -1)
    largest = whole.topk(8).indices
    assert found.shape == (3, 50)
    assert torch.allclose(torch.softmax(found, -1).gather(-1, largest), whole.gather(-1, largest), atol=2e-3)
    # The rest of the mass is shared evenly by the classes that were not kept.
    others = torch.softmax(found, -1).scatter(-1, largest, 0.0)
    assert others.sum(-1) == pytest.approx((1 - whole.gather(-1, largest).sum(-1)).numpy(), abs=2e-3)
    assert int((others > 0).sum()) == 3 * 42
