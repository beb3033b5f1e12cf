"""What is done to a layer's weights after training, and what the changed layer takes in its packed form. Pure numpy."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kdui.methods.compress.quantize.rounding import SCALE_BYTES, dequantize_channels, quantize_channels
from kdui.methods.compress.sensitivity.weights import Weight

FLOAT_BITS = 32


@dataclass(frozen=True)
class Change:
    """A change after training: share of weights zeroed, share of the rank kept, bits of a weight. The default does nothing."""

    sparsity: float = 0.0
    rank: float = 1.0
    bits: int = FLOAT_BITS

    @property
    def is_none(self) -> bool:
        return self.sparsity <= 0 and self.rank >= 1 and self.bits >= FLOAT_BITS


def pruned(matrix: np.ndarray, sparsity: float) -> np.ndarray:
    """The smallest weights by magnitude set to zero: exactly round(sparsity · n) of them (Han et al. 2015, section 3)."""
    count = round(sparsity * matrix.size)
    if count <= 0:
        return matrix
    kept = matrix.copy()
    kept.ravel()[np.argpartition(np.abs(matrix).ravel(), count - 1)[:count]] = 0
    return kept


def rounded(matrix: np.ndarray, bits: int) -> np.ndarray:
    """Symmetric rounding to ``bits`` with one scale a row."""
    if bits >= FLOAT_BITS:
        return matrix
    codes, scales = quantize_channels(matrix, bits, 0)
    return dequantize_channels(codes, scales, matrix.shape, 0)


def kept_rank(rows: int, columns: int, share: float) -> int:
    """Singular values kept of min(rows, columns)."""
    return max(1, round(share * min(rows, columns)))


def pays(rows: int, columns: int, share: float) -> bool:
    """Whether two factors of that rank are smaller than the matrix: r (m + n) < m n."""
    return share < 1 and kept_rank(rows, columns, share) * (rows + columns) < rows * columns


class ChangedLayer:
    """One layer with its decomposition at hand, so that many strengths cost one."""

    def __init__(self, weight: Weight):
        self.weight = weight
        self.matrix = weight.matrix
        self.shape: tuple[int, int] = (len(self.matrix), self.matrix.shape[1])

    @cached_property
    def _decomposition(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        left, values, right = np.linalg.svd(self.matrix, full_matrices=False)
        return left, values, right

    def factors(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """U √S and √S V of the truncated decomposition: the best approximation of that rank (Eckart and Young 1936)."""
        left, values, right = self._decomposition
        rank = kept_rank(*self.shape, share)
        root = np.sqrt(values[:rank])
        return left[:, :rank] * root, root[:, None] * right[:rank]

    def changed(self, change: Change, always: bool = False) -> np.ndarray:
        """The initializer after the change; where a low rank does not pay it is left out, unless ``always``.

        Factors are pruned and rounded each, because they are what would be stored; the graph gets their product.
        """
        parts: tuple[np.ndarray, ...] = (self.matrix,)
        if pays(*self.shape, change.rank) or (always and change.rank < 1):
            parts = self.factors(change.rank)
        done = [rounded(pruned(part, change.sparsity), change.bits) for part in parts]
        return self.weight.restored(done[0] if len(done) == 1 else done[0] @ done[1])


def layer_bytes(rows: int, columns: int, change: Change) -> float:
    """Bytes of a layer in its packed form, by formula: what is not zero in ``bits`` each, where the zeros are at their entropy,
    and a scale of fp16 for each row."""
    rank = kept_rank(rows, columns, change.rank)
    shapes = [(rows, rank), (rank, columns)] if pays(rows, columns, change.rank) else [(rows, columns)]
    total = 0.0
    for height, width in shapes:
        count = height * width
        share = round(change.sparsity * count) / count
        entropy = -sum(part * math.log2(part) for part in (share, 1 - share) if part > 0)
        total += count * ((1 - share) * min(change.bits, FLOAT_BITS) + entropy) / 8
        total += SCALE_BYTES * height if change.bits < FLOAT_BITS else 0
    return total
