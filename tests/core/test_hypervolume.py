"""Hypervolume against volumes that can be counted by hand."""

import pytest

from kdui.core.statistics.hypervolume import hypervolume


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([], (1.0,), 0.0),
        ([(2.0,), (0.5,)], (3.0,), 2.5),
        ([(1.0, 2.0), (2.0, 1.0)], (3.0, 3.0), 3.0),  # two squares of 2 that share one of 1
        ([(1.0, 1.0, 1.0)], (3.0, 2.0, 4.0), 6.0),
        ([(0.0, 1.0, 1.0), (1.0, 0.0, 0.0), (1.5, 1.5, 1.5)], (2.0, 2.0, 2.0), 5.0),  # 2 + 4 − 1, the third is beaten
        ([(4.0, 0.0)], (3.0, 3.0), 0.0),  # beyond the reference
    ],
)
def test_volumes_by_hand(points, reference, volume):
    assert hypervolume(points, reference) == pytest.approx(volume)
