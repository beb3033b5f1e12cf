"""AWQ: scale each input of a layer up before its weights are rounded, the more the larger it is, and its activations down again.

Lin et al. 2023, "AWQ: Activation-aware weight quantization", arXiv:2306.00978, section 3.2, equations 4 and 5. Pure numpy.
"""

import numpy as np

from kdui.methods.compress.hessian import output_errors
from kdui.methods.compress.quantize.grids import Grid, GridChoice, make_grid

EXPONENTS = np.linspace(0.0, 1.0, 21)  # of the search; 0 scales nothing, which is rounding to the nearest level
LEAST = 1e-4  # share of the mean size of an input below which it counts as that: one that never fires is scaled as little as any


def awq(matrix: np.ndarray, moment: np.ndarray, choice: GridChoice) -> tuple[Grid, np.ndarray, np.ndarray]:
    """The grid and the codes [out, in] of the scaled weights w · s, and the scales s [in] by which the inputs are to be divided.

    s is the size of an input to the power α, the α of least squared output error on the calibration inputs; ``moment`` is their
    X Xᵀ [in, in]. An input's size is the root of its mean square, which X Xᵀ holds, where the paper takes its mean magnitude.
    """
    best: tuple[Grid, np.ndarray, np.ndarray] | None = None
    least = np.inf
    for exponent in EXPONENTS:
        scales = input_scales(moment, float(exponent))
        scaled = (matrix * scales).astype(np.float32)
        grid = make_grid(scaled, choice)
        codes = grid.codes(scaled)
        error = float(output_errors(matrix, grid.values(codes) / scales, moment).sum())
        if best is None or error < least:
            best, least = (grid, codes, scales), error
    assert best is not None
    return best


def input_scales(moment: np.ndarray, exponent: float) -> np.ndarray:
    """s [in] in fp32, around 1: sizes of the inputs to this power, over the geometric mean of the smallest and the largest."""
    sizes = np.sqrt(np.diag(moment).astype(np.float64))
    mean = float(sizes.mean()) or 1.0
    scales = np.maximum(sizes / mean, LEAST) ** exponent
    centred: np.ndarray = (scales / np.sqrt(scales.max() * scales.min())).astype(np.float32)
    return centred
