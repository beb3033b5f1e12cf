"""Calibration error and temperature by hand and against closed forms."""

import numpy as np
import pytest

from kdui.problems.classification.calibration import (
    calibrated_error,
    expected_calibration_error,
    fitted_temperature,
    reliability,
)
from kdui.problems.softmax import softmax


def logits(*shares: float) -> np.ndarray:
    """Two-label outputs whose softmax gives these probabilities to label 0."""
    return np.log(np.array([[share, 1 - share] for share in shares]))


def test_error_by_hand():
    # Bin of 0.9: two examples, one right -> |0.5 − 0.9|; bin of 0.7: two examples, both right -> |1 − 0.7|.
    outputs, targets = logits(0.9, 0.9, 0.7, 0.7), np.array([0, 1, 0, 0])
    assert expected_calibration_error(outputs, targets) == pytest.approx(0.5 * 0.4 + 0.5 * 0.3)
    bins = reliability(outputs, targets)
    assert [(each.count, each.accuracy, round(each.confidence, 6)) for each in bins] == [(2, 1.0, 0.7), (2, 0.5, 0.9)]


def test_bins_are_closed_above():
    assert len(reliability(logits(0.6, 0.6 + 1e-9), np.array([0, 0]), bins=5)) == 2
    assert len(reliability(logits(0.6, 0.8), np.array([0, 0]), bins=5)) == 2
    assert len(reliability(logits(0.61, 0.79), np.array([0, 0]), bins=5)) == 1


def test_a_model_that_is_as_right_as_it_is_sure_has_no_error():
    outputs, targets = logits(*[0.75] * 4), np.array([0, 0, 0, 1])
    assert expected_calibration_error(outputs, targets) == pytest.approx(0, abs=1e-12)
    assert fitted_temperature(outputs, targets) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_scaled_outputs_are_put_right_by_the_factor(factor):
    random = np.random.default_rng(0)
    outputs = random.normal(size=(4000, 5)) * 2
    targets = np.array([random.choice(5, p=row) for row in softmax(outputs)])
    assert fitted_temperature(factor * outputs, targets) == pytest.approx(factor, rel=0.08)
    before, after = expected_calibration_error(factor * outputs, targets), calibrated_error(factor * outputs, targets)
    assert after < 0.03 < before


def test_extreme_outputs_do_not_overflow():
    outputs, targets = np.array([[1e4, 0], [0, 1e4]], np.float32), np.array([0, 1])
    assert expected_calibration_error(outputs, targets) == 0
    assert 0.04 < fitted_temperature(outputs, targets) < 21
