"""The second moment of a layer's inputs as the Hessian of its output error, and the factor of its inverse. Pure numpy."""

import numpy as np


def inverse_factor(hessian: np.ndarray, dampening: float) -> np.ndarray:
    """Upper triangular U with UᵀU the inverse of the dampened Hessian. An input that is always zero gets the mean of the rest.

    ``hessian`` is X Xᵀ [in, in]; ``dampening`` the share of its mean diagonal that is added to it. (Frantar et al. 2022,
    arXiv:2210.17323, section 3, algorithm 1.)
    """
    diagonal = np.diag(hessian).copy()
    mean = float(diagonal.mean()) or 1.0
    damped = hessian.copy()
    damped[np.diag_indices_from(damped)] = np.where(diagonal > 0, diagonal, mean) + dampening * mean
    inverse = np.linalg.inv(damped)
    upper: np.ndarray = np.linalg.cholesky((inverse + inverse.T) / 2).T
    return upper


def output_errors(matrix: np.ndarray, changed: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """‖(w − ŵ) X‖² of each output, [out]."""
    off = matrix.astype(np.float64) - changed
    errors: np.ndarray = np.einsum("ij,ij->i", off @ hessian.astype(np.float64), off)
    return errors
