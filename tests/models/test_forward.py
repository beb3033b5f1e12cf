"""Every preset answers on every task it suits, and its initial weights follow from the seed alone."""

import pytest
import torch

from kdui.catalogue.models import presets
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StageFailed
from kdui.models.residual import ResidualBlock
from kdui.models.size import example_inputs
from tests.models.small import built

IMAGE_CASES = [
    (item.name, task)
    for family, item in presets().values()
    if family.modality == "image" and "classification" in family.problems
    for task in ("digits", "fashion-mnist")
    if not item.tasks or task in item.tasks
]


@pytest.mark.parametrize(("name", "task"), IMAGE_CASES)
def test_image_models_give_one_logit_a_label(name, task, settings):
    facts = TASKS[task]
    logits = built(name, facts, settings)(**example_inputs(facts, 3))
    assert logits.shape == (3, 10)
    assert torch.isfinite(logits).all()


def test_the_seed_decides_the_first_weights(settings):
    task = TASKS["digits"]
    one, same, other = (built("cnn-small", task, settings, seed=seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_building_leaves_the_global_generator_alone(settings):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    built("cnn-small", TASKS["digits"], settings)
    assert torch.equal(torch.rand(1), expected)


def test_pixels_are_scaled_inside_the_model(settings):
    module = built("cnn-small", TASKS["digits"], settings)
    assert module.scale(torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3)).flatten().tolist() == [-1.0, 0.0, 1.0]


def test_options_change_the_network(settings):
    module = built("cnn-medium?width=4&stages=2&depth=1", TASKS["fashion-mnist"], settings)
    assert module.head.in_features == 8


def test_a_student_that_needs_its_teacher_reports_it(settings):
    with pytest.raises(StageFailed, match="Name a teacher"):
        built("bilstm-64", TASKS["sentiment"], settings)


@pytest.mark.parametrize("size", [7, 8])
def test_a_shortcut_is_a_strided_convolution(size):
    block = ResidualBlock(3, 5, stride=2)
    pool, (mix, *_) = block.shortcut
    x = torch.rand(2, 3, size, size)
    torch.testing.assert_close(mix(pool(x)), torch.nn.functional.conv2d(x, mix.weight, stride=2))
    assert block(x).shape == (2, 5, 4, 4)


@pytest.mark.parametrize("name", ["resnet-tiny", "squeeze-excite-tiny"])
def test_narrow_networks_train_in_channels_last(name, settings):
    """Strided 1×1 convolutions of fewer than eight channels crash in oneDNN's gradient: none may be left."""
    module = built(name, TASKS["digits"], settings).to(memory_format=torch.channels_last)
    assert not any(
        layer.stride != (1, 1) and layer.kernel_size == (1, 1) for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)
    )
    loss = module(torch.rand(8, 1, 8, 8).to(memory_format=torch.channels_last)).square().mean()
    loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in module.parameters())
