"""Masks: overlaps by hand, intervals and paired differences, the pixels that training reads, views that keep them true."""

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import TASKS
from kdui.problems import problem_of
from kdui.problems.segmentation import overlap
from kdui.problems.segmentation.places import MOST, places_of
from kdui.training.device_dataset import ResidentData

FACTS = TASKS["nuclei"]
PROBLEM = problem_of(FACTS)
TRUE = np.array([[[0, 0, 1, 1]], [[0, 0, 0, 1]]])  # two images of 1 × 4 pixels
PREDICTED = np.array([[[0, 1, 1, 1]], [[0, 0, 0, 0]]])
RANDOM = np.random.RandomState(7)


def logits_of(classes: np.ndarray, width: int = 2) -> np.ndarray:
    return (6 * np.eye(width)[classes]).astype(np.float32)


def test_overlaps_by_hand():
    values = PROBLEM.summarize_arrays(logits_of(PREDICTED), {}, TRUE)
    scores = {metric.name: value for metric, value in PROBLEM.score(values, TRUE, FACTS)}
    # Background: 4 shared, 5 true, 5 predicted; nucleus: 2 shared, 3 true, 3 predicted.
    assert scores["mean_iou"] == pytest.approx(100 * (4 / 6 + 2 / 4) / 2)
    assert scores["mean_dice"] == pytest.approx(100 * 2 * 2 / (3 + 3))
    assert scores["pixel_accuracy"] == pytest.approx(100 * 6 / 8)
    assert PROBLEM.constant(TRUE, FACTS) == (pytest.approx(100 * (5 / 8) / 2), "background")


def test_a_class_that_occurs_nowhere_does_not_count():
    counted = overlap.Counts(*np.split(overlap.counts(TRUE, TRUE, 5), 3, axis=1))
    assert overlap.mean_iou(counted.shared, counted.joined) == 100 == overlap.mean_dice(counted)


def test_graph_and_module_are_judged_alike():
    logits, targets = RANDOM.normal(size=(3, 8, 8, 2)).astype(np.float32), RANDOM.randint(0, 2, (3, 8, 8))
    values = PROBLEM.summarize(torch.from_numpy(logits), torch.from_numpy(targets)).numpy()
    assert np.allclose(values, PROBLEM.summarize_arrays(logits, {}, targets))
    assert PROBLEM.validation_loss(values, targets) == pytest.approx(
        float(PROBLEM.loss(torch.from_numpy(logits), torch.from_numpy(targets))), rel=1e-5
    )


def test_intervals_are_those_of_resampled_images():
    images = RANDOM.randint(0, 2, (60, 8, 8))
    better, worse = (np.where(RANDOM.random(images.shape) < share, 1 - images, images) for share in (0.1, 0.2))
    kept = [PROBLEM.kept(PROBLEM.summarize_arrays(logits_of(each), {}, images), images) for each in (better, worse)]

    def of(index: np.ndarray, which: int) -> float:
        return overlap.mean_iou(kept[which]["shared"][index], kept[which]["joined"][index])

    drawn = [RANDOM.randint(0, 60, 60) for _ in range(800)]
    spread = np.std([of(index, 0) for index in drawn])
    low, high = overlap.interval(kept[0]["shared"], kept[0]["joined"])
    assert (high - low) / 2 == pytest.approx(2.0 * spread, rel=0.15)
    paired = PROBLEM.difference(*kept)
    everything = np.arange(60)
    assert paired.value == pytest.approx(of(everything, 0) - of(everything, 1)) and paired.is_shown and paired.over == "examples"
    spread = np.std([of(index, 0) - of(index, 1) for index in drawn])
    assert paired.half_width == pytest.approx(2.0 * spread, rel=0.15)
    assert PROBLEM.difference(kept[0], kept[0]).value == 0


def test_training_reads_the_same_pixels_of_teacher_and_student():
    places = places_of(128 * 128)
    assert len(np.unique(places)) == MOST and places_of(64).tolist() == list(range(64))
    outputs = RANDOM.normal(size=(2, 128, 128, 3)).astype(np.float32)
    targets = torch.from_numpy(RANDOM.randint(0, 3, (2, 128, 128)))
    rows = PROBLEM.rows(torch.from_numpy(outputs), targets)
    assert np.array_equal(PROBLEM.taught(outputs).reshape(-1, 3), rows.part(0, rows.count).numpy())
    assert rows.examples.tolist() == [0] * MOST + [1] * MOST
    assert np.array_equal(PROBLEM.distributions(outputs, {}, targets.numpy()), rows.part(0, rows.count).numpy())


def test_a_view_moves_an_image_and_its_mask_alike():
    classes = RANDOM.randint(0, 2, (6, 16, 16))
    data = ResidentData({"pixels": classes[:, None].astype(np.float32)}, classes, torch.device("cpu"), mirror=True)
    index = torch.arange(6)
    assert torch.equal(data.targets_of(index), data.targets)
    moved = 0
    for view in range(3):
        targets = data.targets_of(index, view)
        assert targets.dtype == torch.int64 and torch.equal(targets.float(), data.inputs(index, view)["pixels"][:, 0])
        moved += int((targets != data.targets).any())
    assert moved == 3
