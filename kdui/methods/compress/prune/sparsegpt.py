"""SparseGPT: remove weights one input at a time, and let the inputs to come make up for the error. Pure numpy.

Frantar and Alistarh 2023, "SparseGPT: Massive language models can be accurately pruned in one shot", arXiv:2301.00774,
algorithm 1.
"""

import numpy as np

from kdui.methods.compress.hessian import inverse_factor

BLOCK = 128  # inputs among which weights are chosen together, and whose corrections are applied one by one
DAMPENING = 0.01  # share of the mean diagonal of the Hessian that is added to it, as in the paper's section 4


def sparsegpt(
    matrix: np.ndarray, hessian: np.ndarray, sparsity: float, two_of_four: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The weights [out, in] that are left, moved so that the outputs stay close, and the mask of those that stay.

    ``hessian`` is X Xᵀ [in, in] over the layer's calibration inputs. Of each block of inputs the weights of least w² / [H⁻¹]ⱼⱼ
    (equation 3, given the inputs that are done) go, so that the share ``sparsity`` of all is gone in the end. ``two_of_four``:
    two of every four inputs of an output instead (section 3.5); the inputs are a multiple of four then.
    """
    upper = inverse_factor(hessian.astype(np.float64), DAMPENING)
    left, keep = matrix.astype(np.float64), np.ones(matrix.shape, dtype=bool)
    pivots = np.where(np.diag(hessian) > 0, np.diag(upper), np.inf)  # an input that is always zero costs nothing
    for start in range(0, left.shape[1], BLOCK):
        end = min(start + BLOCK, left.shape[1])
        if not two_of_four:
            removed = round(sparsity * len(left) * end) - round(sparsity * len(left) * start)
            keep[:, start:end] = _all_but(np.square(left[:, start:end] / pivots[start:end]).reshape(1, -1), removed).reshape(
                len(left), -1
            )
        errors = np.zeros((len(left), end - start))
        for place in range(start, end):
            if two_of_four and place % 4 == 0:
                keep[:, place : place + 4] = _all_but(np.square(left[:, place : place + 4] / pivots[place : place + 4]), 2)
            error = np.where(keep[:, place], 0.0, left[:, place]) / upper[place, place]
            left[:, place:end] -= np.outer(error, upper[place, place:end])
            errors[:, place - start] = error
        left[:, end:] -= errors @ upper[start:end, end:]
    return np.where(keep, left, 0.0).astype(matrix.dtype), keep


def _all_but(scores: np.ndarray, removed: int) -> np.ndarray:
    """True for all but so many of the lowest scores of each row; ties by position."""
    keep = np.ones(scores.shape, dtype=bool)
    np.put_along_axis(keep, np.argsort(scores, axis=1, kind="stable")[:, :removed], False, axis=1)
    return keep
