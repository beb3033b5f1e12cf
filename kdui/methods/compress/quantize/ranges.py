"""The range of activations: a histogram that grows with what it sees, and three ways to read a range off it. Pure numpy."""

import numpy as np

from kdui.methods.compress.quantize.grids import Calibration

BINS = 2048
PERCENTILE = 99.99  # of all values lie inside
SHRINKING = np.linspace(1.0, 0.2, 41)


class Histogram:
    """Counts of all values seen, in ``BINS`` bins that become twice as wide until everything fits."""

    def __init__(self) -> None:
        self._counts = np.zeros(BINS, np.int64)
        self._reach = 0.0  # the bins cover −reach … reach
        self.low, self.high = 0.0, 0.0  # zero always lies inside, because padding is zero

    def add(self, values: np.ndarray) -> None:
        """Count a batch of activations; what is no finite number is left out."""
        flat = values.ravel()
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return
        self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))
        needed = max(-self.low, self.high)
        if not self._reach:
            self._reach = needed
        while needed > self._reach > 0:
            merged = self._counts.reshape(-1, 2).sum(1)
            self._counts = np.pad(merged, BINS // 4)
            self._reach *= 2
        if self._reach:
            self._counts += np.histogram(flat, BINS, (-self._reach, self._reach))[0]

    def range(self, how: Calibration, bits: int = 8) -> tuple[float, float]:
        """Lowest and highest value that the grid of ``2^bits`` levels must hold."""
        if how == "min-max" or not self._reach:
            return self.low, self.high
        if how == "percentile":
            share = np.cumsum(self._counts) / self._counts.sum()
            outside = (1 - PERCENTILE / 100) / 2
            edges = np.linspace(-self._reach, self._reach, BINS + 1)
            low = edges[int(np.searchsorted(share, outside, side="right"))]
            high = edges[int(np.searchsorted(share, 1 - outside)) + 1]
            return max(self.low, min(0.0, float(low))), min(self.high, max(0.0, float(high)))
        tried = [(self.low * a, self.high * b) for a in self._shares(self.low) for b in self._shares(self.high)]
        return min(tried, key=lambda ends: self._error(ends[0], ends[1], bits))

    @staticmethod
    def _shares(end: float) -> np.ndarray:
        return SHRINKING if end else SHRINKING[:1]

    def _error(self, low: float, high: float, bits: int) -> float:
        """Squared error of the bins' centres on the grid from low to high."""
        width = 2 * self._reach / BINS
        centres = (np.arange(BINS) + 0.5) * width - self._reach
        scale = max((high - low) / (2**bits - 1), 1e-12)
        zero = np.rint(-low / scale)
        rounded = (np.clip(np.rint(centres / scale) + zero, 0, 2**bits - 1) - zero) * scale
        # Within a bin the rounding noise of a fine grid is the same everywhere, so centres are enough.
        error: float = ((rounded - centres) ** 2 * self._counts).sum() + self._counts.sum() * min(scale, width) ** 2 / 12
        return error
