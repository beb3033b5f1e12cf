"""Views of sounds are fixed for each example and view, and change what they say that they change."""

import torch

from kdui.training.sound_views import SHIFT, varied

LENGTH = 8000
WAVES = torch.zeros(40, LENGTH)
WAVES[:, 3000:5000] = torch.sin(torch.arange(2000) * 0.3)


def test_a_view_does_not_depend_on_the_batch():
    index = torch.arange(40)
    whole = varied(WAVES, index, 3)
    assert torch.equal(whole[[7, 2]], varied(WAVES[[7, 2]], index[[7, 2]], 3))
    assert not torch.equal(whole, varied(WAVES, index, 4)) and not torch.equal(whole[0], whole[1])


def test_views_are_moved_stretched_and_half_of_them_noisy():
    views = varied(WAVES, torch.arange(40), 0)
    noisy = views[:, :500].abs().amax(1) > 0
    assert 10 < int(noisy.sum()) < 30 and torch.isfinite(views).all()
    places = [torch.nonzero(view.abs() > 0.05).ravel() for view in views[~noisy]]
    lengths = torch.tensor([float(place[-1] - place[0]) for place in places])
    middles = torch.tensor([float(place[-1] + place[0]) / 2 for place in places]) - LENGTH / 2
    assert 1600 < lengths.min() < 1900 and 2100 < lengths.max() < 2500
    assert 300 < middles.abs().max() <= 1.25 * SHIFT * LENGTH
