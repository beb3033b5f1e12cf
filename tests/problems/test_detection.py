"""Boxes: what cells are taught, losses, non-maximum suppression in numpy and in a graph, average precision against COCO's own."""

import contextlib
import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from kdui.catalogue.tasks import TASKS
from kdui.problems import problem_of
from kdui.problems.detection import average_precision as precision
from kdui.problems.detection import decode, matches
from kdui.problems.detection.cells import box_loss, sides, taught_cells
from kdui.problems.resampling import drawn
from kdui.training.device_dataset import ResidentData

FACTS = TASKS["blood-cells"]  # background and three kinds
PROBLEM = problem_of(FACTS)
RANDOM = np.random.RandomState(3)
TARGETS = np.array([[[2, 4, 4, 28, 28], [1, 30, 2, 33, 5], [0, 0, 0, 0, 0]]])


def outputs_of(targets: np.ndarray, rows: int, columns: int, sure: float = 6.0) -> np.ndarray:
    """Outputs of a model that is nearly right: each cell says its class, and its distances exactly."""
    taught = taught_cells(torch.from_numpy(targets), rows, columns)
    logits = sure * np.eye(4, dtype=np.float32)[taught.classes.numpy()]
    distances = np.log(np.expm1(np.maximum(taught.distances.numpy(), 1e-3)))  # the inverse of softplus
    return np.concatenate([logits, distances], -1).reshape(len(targets), rows, columns, 8).astype(np.float32)


def random_scenes(count: int) -> np.ndarray:
    targets = np.zeros((count, 4, 5), np.int64)
    corner, size = RANDOM.randint(0, 70, (count, 4, 2)), RANDOM.randint(9, 50, (count, 4, 2))
    targets[..., 0] = RANDOM.randint(0, 4, (count, 4))
    targets[..., 1:3], targets[..., 3:] = corner, corner + size
    return targets * (targets[..., :1] > 0)


def test_cells_near_a_boxs_middle_are_taught_it_and_the_one_that_holds_it_always():
    taught = taught_cells(torch.from_numpy(TARGETS), 4, 5)
    classes = taught.classes.reshape(4, 5).tolist()
    assert classes == [[0, 0, 0, 1, 0], [0, 2, 2, 0, 0], [0, 2, 2, 0, 0], [0, 0, 0, 0, 0]]
    assert taught.distances[0, 6].tolist() == [1, 1, 2, 2]  # its middle is at (12, 12) pixels: in cells of 8, from 4 and to 28


def test_the_loss_of_boxes_by_hand():
    ours, theirs = torch.tensor([[1.0, 1.0, 1.0, 1.0]]), torch.tensor([[1.0, 1.0, 3.0, 1.0]])
    one = torch.ones(1)
    assert float(box_loss(ours, theirs, one)) == pytest.approx(1 - 4 / 8, abs=1e-5)  # nothing around that is in neither
    aside = torch.tensor([[0.0, 2.0, 2.0, 0.0]])  # above and to the right: they share 1 of 7, and 9 lie around
    assert float(box_loss(ours, aside, one)) == pytest.approx(1 - (1 / 7 - 2 / 9), abs=1e-5)
    assert float(box_loss(ours, theirs, torch.zeros(1))) == 0
    right = torch.from_numpy(outputs_of(TARGETS, 4, 5))
    assert float(PROBLEM.beside(right, torch.from_numpy(TARGETS))["boxes"]) < 0.02


def test_a_teachers_boxes_count_where_it_finds_an_object():
    right, targets = torch.from_numpy(outputs_of(TARGETS, 4, 5)), torch.from_numpy(TARGETS)
    teacher = PROBLEM.rows(right, targets)
    same = PROBLEM.matched(right, teacher)["teacher_boxes"]
    other = right.clone()
    other[0, 3, 4, -4:] += 3  # a cell without an object
    apart = right.clone()
    apart[0, 1, 1, -4:] += 3
    assert float(same) == pytest.approx(0, abs=1e-5)
    assert float(PROBLEM.matched(other, teacher)["teacher_boxes"]) < 0.01
    assert float(PROBLEM.matched(apart, teacher)["teacher_boxes"]) > 0.03
    assert torch.equal(sides(teacher.part(0, 20)), sides(right).reshape(20, 4))
    losses = teacher.mean(lambda rows, theirs: {"apart": (rows.logits - theirs).abs().sum()}, teacher)
    assert float(losses["apart"]) == 0  # of another model's cells methods see the logits of classes alone


def test_nearly_right_outputs_find_every_object():
    targets = random_scenes(6)
    values = PROBLEM.summarize_arrays(outputs_of(targets, 16, 16), {}, targets)
    found = values[:, :-1].reshape(6, decode.MOST, decode.COLUMNS)
    scores = dict((metric.name, value) for metric, value in PROBLEM.score(values, targets, FACTS))
    assert scores["ap50"] > 90 and scores["mean_ap"] > 70
    assert all(np.all(np.diff(image[:, 1]) <= 0) for image in found)  # the surest first
    torch_values = PROBLEM.summarize(torch.from_numpy(outputs_of(targets, 16, 16)), torch.from_numpy(targets)).numpy()
    assert np.array_equal(values, torch_values)
    loss = PROBLEM.loss(torch.from_numpy(outputs_of(targets, 16, 16)), torch.from_numpy(targets))
    one = PROBLEM.summarize_arrays(outputs_of(targets[:1], 16, 16), {}, targets[:1])
    assert 0 < float(loss) < 0.1 and PROBLEM.validation_loss(one, targets[:1]) == pytest.approx(
        float(PROBLEM.loss(torch.from_numpy(outputs_of(targets[:1], 16, 16)), torch.from_numpy(targets[:1]))), rel=1e-4
    )


def test_of_two_boxes_of_one_class_that_overlap_the_lesser_goes():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [8, 0, 18, 10]], np.float32)
    overlap = decode.overlaps(boxes, boxes)
    assert overlap[0, 1] == pytest.approx(90 / 110) and overlap[0, 2] == pytest.approx(20 / 180)
    assert decode._not_suppressed(np.array([0.5, 0.9, 0.3]), overlap) == [1, 2]
    assert decode._not_suppressed(np.array([0.04, 0.0, 0.3]), overlap) == [2]


def test_the_graphs_own_nodes_give_the_same_boxes():
    targets = random_scenes(3)
    outputs = outputs_of(targets, 16, 16, sure=3.0) + RANDOM.normal(0, 0.7, (3, 16, 16, 8)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["cells"], ["outputs"], name="cells")],
        "detector",
        [helper.make_tensor_value_info("cells", TensorProto.FLOAT, ["batch", 16, 16, 8])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["batch", 16, 16, 8])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    PROBLEM.complete_graph(model)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    raw, found = session.run(None, {"cells": outputs})
    assert np.array_equal(raw, outputs) and len(found) > 20
    for image, kept in enumerate(decode.kept_boxes(outputs)):
        own = found[found[:, 0] == image][:, 1:]
        own = own[np.argsort(-own[:, 1], kind="stable")][: decode.MOST]
        assert np.allclose(own, kept[: len(own)], atol=1e-3) and not kept[len(own) :].any()


@pytest.fixture(scope="module")
def judged():
    """Two models' values over the same images: one nearly right, one often wrong."""
    targets = random_scenes(20)
    clean = outputs_of(targets, 16, 16, sure=3.0)
    values = [
        PROBLEM.summarize_arrays(clean + RANDOM.normal(0, noise, clean.shape).astype(np.float32), {}, targets)
        for noise in (0.5, 1.2)
    ]
    return targets, [PROBLEM.kept(each, targets) for each in values], values


def test_average_precision_is_that_of_the_reference_implementation(judged):
    from pycocotools.cocoeval import COCOeval

    targets, _, values = judged
    for each in values:
        boxes = each[:, :-1].reshape(len(each), decode.MOST, decode.COLUMNS).astype(np.float64)
        predicted = [
            {"score": row[1], **matches._annotation(image, row[0], row[2:])}
            for image, rows in enumerate(boxes)
            for row in rows
            if row[0]
        ]
        true = [matches._annotation(image, row[0], row[1:]) for image, rows in enumerate(targets) for row in rows if row[0]]
        with contextlib.redirect_stdout(io.StringIO()):
            judge = COCOeval(matches._data(true, len(targets)), matches._data(predicted, len(targets)), "bbox")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        scores = {metric.name: value for metric, value in PROBLEM.score(each, targets, FACTS)}
        assert scores["mean_ap"] == pytest.approx(100 * judge.stats[0], abs=1e-6)
        assert scores["ap50"] == pytest.approx(100 * judge.stats[1], abs=1e-6)
        assert 5 < scores["mean_ap"] < 95


def test_an_image_that_is_drawn_twice_counts_as_two(judged):
    targets, (kept, _), values = judged
    times = drawn(20, 3, 5)
    again = precision.average_precision(kept, times)
    for draw in range(3):
        index = np.repeat(np.arange(20), times[draw].astype(int))
        assert again.mean[draw] == pytest.approx(PROBLEM.headline(values[0][index], targets[index]), abs=0.5)
    assert len(set(again.mean.round(6))) == 3


def test_intervals_and_paired_differences(judged):
    targets, kept, values = judged
    intervals = PROBLEM.intervals(values[0], targets, FACTS)
    for metric, value in PROBLEM.score(values[0], targets, FACTS):
        low, high = intervals[metric.name]
        assert low < value < high and high - low < 50
    assert PROBLEM.interval(values[0], targets) == intervals["mean_ap"]
    difference = PROBLEM.difference(*kept)
    apart = PROBLEM.headline(values[0], targets) - PROBLEM.headline(values[1], targets)
    assert difference.value == pytest.approx(apart) and difference.is_shown and difference.over == "examples"
    same = PROBLEM.difference(kept[0], kept[0])
    assert (same.value, same.low, same.high, same.is_shown) == (0, 0, 0, False)


def test_nothing_found_and_nothing_there():
    nothing = np.zeros((2, decode.MOST * decode.COLUMNS + 1))
    assert PROBLEM.headline(nothing, np.concatenate([TARGETS, TARGETS])) == 0
    assert PROBLEM.headline(nothing, np.zeros((2, 1, 5), np.int64)) == 0
    answer = FACTS.answer
    assert (answer.width, answer.counted) == (8, "3 classes of objects")
    assert (answer.truth(TARGETS[0]), answer.truth(np.zeros((1, 5)))) == ("1 red cell, 1 white cell", "no object")


def test_a_view_moves_an_image_and_its_boxes_alike():
    pixels, targets = np.zeros((12, 1, 32, 40), np.float32), np.zeros((12, 2, 5), np.int64)
    for number in range(12):
        left, top = RANDOM.randint(8, 20, 2)
        targets[number, 0] = (1, left, top, left + 9, top + 6)
        pixels[number, 0, top : top + 6, left : left + 9] = 1
    data = ResidentData({"pixels": pixels}, targets, torch.device("cpu"), mirror=True)
    data.boxes = True
    index, moved = torch.arange(12), 0
    assert torch.equal(data.targets_of(index), data.targets)
    for view in range(3):
        own = data.targets_of(index, view)
        for image, (label, left, top, right, bottom) in zip(data.inputs(index, view)["pixels"], own[:, 0].tolist(), strict=True):
            assert label == 1 and image.sum() == image[0, top:bottom, left:right].sum() == (right - left) * (bottom - top)
        assert not own[:, 1].any()
        moved += int((own != data.targets).any())
    assert moved == 3


def test_a_box_of_which_little_is_seen_is_none():
    from kdui.training.moved_boxes import moved_boxes

    right = torch.tensor([16, 12])
    still = torch.zeros(2, dtype=torch.int64)
    boxes = torch.tensor([[[2, 10, 4, 20, 14]]]).repeat(2, 1, 1)
    moved = moved_boxes(boxes, still, right, still > 0, (32, 32))
    assert moved.tolist() == [[[2, 26, 4, 32, 14]], [[2, 22, 4, 32, 14]]]
    assert not moved_boxes(boxes, still, torch.tensor([20, 22]), still > 0, (32, 32))[:, 0].any()
