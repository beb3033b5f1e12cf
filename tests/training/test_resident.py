"""Data on the device: the order of an epoch, batches by length, and fixed views of images."""

import numpy as np
import pytest
import torch

from kdui.training.device_dataset import ResidentData, augmented

CPU = torch.device("cpu")


def pictures(count: int = 20, size: int = 8) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(0)) + 0.1


def texts(lengths: list[int]) -> ResidentData:
    mask = np.zeros((len(lengths), max(lengths)), np.int64)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    ids = mask * np.arange(1, len(lengths) + 1)[:, None]
    return ResidentData({"input_ids": ids, "attention_mask": mask}, np.arange(len(lengths)), CPU)


def test_an_epoch_sees_every_example_once_in_an_order_of_its_own():
    data = ResidentData({"pixels": pictures(50).numpy()}, np.arange(50), CPU)
    first, again, second = data.batches(8, 3, 0), data.batches(8, 3, 0), data.batches(8, 3, 1)
    assert [len(batch) for batch in first] == [8] * 6 + [2]
    assert sorted(torch.cat(first).tolist()) == list(range(50))
    assert torch.equal(torch.cat(first), torch.cat(again))
    assert not torch.equal(torch.cat(first), torch.cat(second))
    assert not torch.equal(torch.cat(first), torch.cat(data.batches(8, 4, 0)))


def test_texts_of_like_length_share_a_batch_and_little_is_padded():
    lengths = np.random.default_rng(0).integers(3, 60, 400).tolist()
    data = texts(lengths)
    batches = data.batches(16, 0, 0)
    assert sorted(torch.cat(batches).tolist()) == list(range(400))
    padded = sum(data.inputs(batch)["input_ids"].numel() for batch in batches)
    assert padded < 1.3 * sum(lengths)  # batches in random order pad to about 1.8
    widest = data.inputs(batches[0])
    assert widest["input_ids"].shape[1] == max(lengths[index] for index in batches[0].tolist())


def test_in_order_covers_the_split_from_short_to_long():
    data = texts([5, 2, 9, 4])
    assert torch.cat(list(data.in_order(2))).tolist() == [1, 3, 0, 2]


def test_limit_keeps_the_first_examples():
    data = ResidentData({"pixels": pictures(20).numpy()}, np.arange(20), CPU, limit=7)
    assert (len(data), data.targets.tolist(), len(data.arrays["pixels"])) == (7, list(range(7)), 7)


def test_a_view_is_the_same_in_every_batch_and_differs_from_the_next():
    pixels = pictures()
    index = torch.arange(20)
    whole = augmented(pixels, index, 2, mirror=True)
    part = augmented(pixels[5:9], index[5:9], 2, mirror=True)
    assert torch.equal(whole[5:9], part)
    assert torch.equal(whole, augmented(pixels, index, 2, mirror=True))
    others = [augmented(pixels, index, view, mirror=True) for view in range(4)]
    assert all(not torch.equal(others[one], others[two]) for one in range(4) for two in range(one))


def placements(size: int, mirror: bool) -> tuple[set[tuple[int, int]], int]:
    """Where a marked pixel of 400 equal images lands, and how many of them were mirrored."""
    picture = torch.zeros(1, 1, size, size)
    middle = size // 2
    picture[..., middle, middle], picture[..., middle, middle + 1] = 1.0, 0.5
    result = augmented(picture.expand(400, 1, size, size), torch.arange(400), 0, mirror)
    shifts, turned = set(), 0
    for one in result[:, 0]:
        row, column = divmod(int(one.argmax()), size)
        left = column > 0 and one[row, column - 1] == 0.5
        turned += int(left)
        place = size - 1 - column if left else column
        shifts.add((row - middle, place - middle))
    return shifts, turned


@pytest.mark.parametrize(("size", "reach"), [(8, 1), (28, 3), (32, 3)])
def test_shifts_stay_within_reach_and_all_of_them_occur(size, reach):
    shifts, turned = placements(size, mirror=False)
    assert shifts == {(down, right) for down in range(-reach, reach + 1) for right in range(-reach, reach + 1)}
    assert turned == 0


def test_half_of_the_images_are_mirrored_only_when_requested():
    _, turned = placements(28, mirror=True)
    assert 150 < turned < 250


def test_plain_batches_are_not_augmented():
    data = ResidentData({"pixels": pictures().numpy()}, np.arange(20), CPU, mirror=True)
    index = torch.tensor([3, 1])
    assert torch.equal(data.inputs(index)["pixels"], pictures()[index])
    assert not torch.equal(data.inputs(index, view=0)["pixels"], pictures()[index])


def test_targets_keep_fractions_and_shape():
    inputs = {"pixels": pictures(4).numpy()}
    boxes = ResidentData(inputs, np.array([[0.1, 0.2, 0.5, 0.75]] * 4), CPU).targets
    assert boxes.dtype == torch.float32 and boxes[0].tolist() == pytest.approx([0.1, 0.2, 0.5, 0.75])
    spans = ResidentData(inputs, np.array([[3, 7]] * 4, np.int32), CPU).targets
    assert spans.dtype == torch.int64 and spans.shape == (4, 2)
