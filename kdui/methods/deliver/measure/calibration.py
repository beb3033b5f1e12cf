"""Calibration: whether a classifier's confidence is its accuracy."""

import numpy as np

from kdui.core.measurement import Measurement, Provenance
from kdui.methods.deliver.measure.provenance import noted, row
from kdui.problems.classification.calibration import BINS, calibrated_error, expected_calibration_error, fitted_temperature

LEAST_FOR_CALIBRATION = 30  # examples


def calibration(outputs: np.ndarray, targets: np.ndarray, source: Provenance) -> list[Measurement]:
    """Expected calibration error, the temperature that would mend it, and what error it would leave; for one label an example."""
    if len(targets) < LEAST_FOR_CALIBRATION:
        return []
    temperature = fitted_temperature(outputs, targets)
    before = 100 * expected_calibration_error(outputs, targets)
    after = 100 * calibrated_error(outputs, targets)
    bins = noted(source, f"{BINS} bins of confidence (Guo 2017)")
    half = f"dividing the outputs by a temperature fitted on one half of the test data leaves {after:.1f} % on the other half"
    return [
        row("ece", before, "%", noted(bins, half)),
        row("ece_scaled", after, "%", noted(bins, "temperature fitted on one half of the test data, error taken on the other")),
        row("calibration_temperature", temperature, "", noted(source, "below 1: under-confident; above 1: over-confident"), None),
    ]
