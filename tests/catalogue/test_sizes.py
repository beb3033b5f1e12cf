"""The shipped sizes are those that counting gives today."""

from kdui.catalogue.sizes import known_size, known_sizes
from kdui.models.count_sizes import count_all


def test_shipped_sizes_are_counted_ones():
    assert known_sizes() == count_all()


def test_only_presets_are_known():
    assert known_size("digits", "cnn-medium") == {"parameters": 72666, "macs": 599680}
    assert known_size("digits", "cnn-medium?width=9") is None
