"""GPTQ: round a linear layer's weights one input at a time, and let the inputs to come make up for the error. Pure numpy."""

import numpy as np

from kdui.methods.compress.hessian import inverse_factor, output_errors
from kdui.methods.compress.quantize.grids import Grid

BLOCK = 128  # inputs whose corrections are applied one by one; those behind them follow in one product


def gptq(matrix: np.ndarray, hessian: np.ndarray, grid: Grid, dampening: float = 0.01, act_order: bool = False) -> np.ndarray:
    """Codes [out, in] of a weight matrix on a given grid that keep its outputs, not its weights, close.

    ``hessian`` is X Xᵀ [in, in] over the layer's calibration inputs (Frantar et al. 2022, arXiv:2210.17323, section 3, equations
    2 and 3; its Cholesky form is that of algorithm 1). ``dampening`` is the share of the mean diagonal that is added to it;
    ``act_order`` takes the inputs by falling diagonal. A row keeps nearest rounding where that serves its outputs better.
    """
    order = np.argsort(-np.diag(hessian), kind="stable") if act_order else np.arange(len(hessian))
    upper = inverse_factor(hessian[np.ix_(order, order)].astype(np.float64), dampening)
    scales, zeros = (np.broadcast_to(part, matrix.shape)[:, order] for part in grid.spread(*matrix.shape))
    low, high = grid.limits
    left = matrix[:, order].astype(np.float64)
    codes = np.zeros(matrix.shape, np.int16)
    for start in range(0, left.shape[1], BLOCK):
        end = min(start + BLOCK, left.shape[1])
        errors = np.zeros((len(left), end - start))
        for place in range(start, end):
            column = left[:, place]
            rounded = np.clip(np.rint(column / scales[:, place]) + zeros[:, place], low, high)
            codes[:, place] = rounded
            error = (column - (rounded - zeros[:, place]) * scales[:, place]) / upper[place, place]
            left[:, place:end] -= np.outer(error, upper[place, place:end])
            errors[:, place - start] = error
        left[:, end:] -= errors @ upper[start:end, end:]
    codes = codes[:, np.argsort(order, kind="stable")]
    nearest = grid.codes(matrix)
    better = output_errors(matrix, grid.values(codes), hessian) <= output_errors(matrix, grid.values(nearest), hessian)
    return np.where(better[:, None], codes, nearest)
