"""Random erasing: what it hides, how often, and that a view stays the same view."""

import pytest
import torch

from kdui.core.run import RunState
from kdui.training.device_dataset import erased
from kdui.training.scattered import scattered
from tests.engine.digits import Bench


def hidden(share: float, view: int = 0, count: int = 4000, size: int = 28) -> torch.Tensor:
    """Which pixels [count, height, width] of black images are no longer black."""
    return (erased(torch.zeros(count, 1, size, size), torch.arange(count), view, share) != 0)[:, 0]


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_so_many_images_lose_a_part(share):
    assert hidden(share).flatten(1).any(1).float().mean().item() == pytest.approx(share, abs=0.03)


def test_a_part_is_one_rectangle_of_2_to_40_percent():
    result = hidden(1.0)
    height, width = result.any(2).sum(1), result.any(1).sum(1)
    assert torch.equal(result.flatten(1).sum(1), height * width)
    for axis in (result.any(2), result.any(1)):  # no gap along either side
        assert (axis.int().diff(dim=1).abs().sum(1) <= 2).all()
    area = (height * width).float() / 28**2
    assert area.min() > 0.01 and area.max() < 0.43
    assert area.mean().item() == pytest.approx(0.21, abs=0.01)
    assert (height / width).max() > 2.5 and (width / height).max() > 2.5


def test_every_place_can_be_hidden_and_the_middle_most_often():
    often = hidden(1.0).float().mean(0)
    assert often.min() > 0 and often[14, 14] > 2 * often[0, 0]


def test_values_inside_are_noise():
    picture = erased(torch.zeros(500, 3, 8, 8), torch.arange(500), 1, 1.0)
    values = picture[picture != 0]
    assert values.mean().item() == pytest.approx(0.5, abs=0.02)
    assert values.std().item() == pytest.approx(12**-0.5, abs=0.01)


def test_a_view_is_the_same_in_every_batch_and_differs_from_the_next():
    pictures, index = torch.rand(64, 1, 12, 12), torch.arange(64)
    whole = erased(pictures, index, 3, 0.5)
    assert torch.equal(whole[10:20], erased(pictures[10:20], index[10:20], 3, 0.5))
    assert not torch.equal(whole, erased(pictures, index, 4, 0.5))
    assert torch.equal(erased(pictures, index, 3, 0.0), pictures)


def test_numbers_are_scattered():
    drawn = scattered(torch.arange(20_000))
    assert drawn.min() >= 0 and drawn.max() < 1
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.01)
    neighbours = torch.corrcoef(torch.stack([drawn[:-1], drawn[1:]]))[0, 1].item()
    assert abs(neighbours) < 0.03


def test_a_teacher_learns_from_images_with_parts_erased(tmp_path):
    bench = Bench(tmp_path)
    result = {}
    for erase in (0.0, 0.5):
        knobs = {"epochs": 6, "learning_rate": 0.004, "augment": True, "erase": erase}
        run = bench.run({"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": knobs}]})
        assert run.state is RunState.SUCCEEDED, run.error
        (step,) = [step for step in run.steps if step.name == "teach"]
        result[erase] = bench.store.artifacts.manifest(step.digest).summary["training"]
    assert result[0.5]["validation"] > 85
    assert result[0.5]["history"] != result[0.0]["history"]
