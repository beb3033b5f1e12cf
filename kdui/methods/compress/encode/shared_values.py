"""Shared weight values: each tensor's weights replaced by the nearest of few, chosen by optimal one-dimensional k-means."""

import kmeans1d
import numpy as np
import onnx
from onnx import numpy_helper

from kdui.kdz.scaled import scaled_rows, scales_between
from kdui.methods.compress.codebook.levels import most_points

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)


def share_values(model: onnx.ModelProto, bits: int, bases: dict[str, np.ndarray]) -> list[str]:
    """Give every float weight of two axes or more 2^bits values, zeros apart; returns the names of what was changed.

    A weight that is a scaled base shares its base's values; ``bases`` then holds the new base.
    """
    changed = []
    for tensor in model.graph.initializer:
        if tensor.data_type not in FLOATS or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        base = bases.get(tensor.name)
        scales = None if base is None else scales_between(base, values)
        if base is None or scales is None:
            shared = with_shared_values(values, 2**bits)
        else:
            bases[tensor.name] = with_shared_values(base, 2**bits)
            shared = scaled_rows(bases[tensor.name], scales)
        tensor.CopyFrom(numpy_helper.from_array(shared, tensor.name))
        changed.append(tensor.name)
    return changed


def with_shared_values(weights: np.ndarray, levels: int) -> np.ndarray:
    """The weights [...] with at most ``levels`` values that are not zero; zeros, which pruning made, stay zeros.

    Minimises the sum of squared distances (Han et al. 2016, section 3.1) by dynamic programming, so there is no start to choose.
    """
    flat = weights.ravel()
    kept = flat[flat != 0].astype(np.float64)
    if len(np.unique(kept)) <= levels:
        return weights
    ordered = np.sort(kept)
    seen = min(len(ordered), most_points(levels))  # of more weights, this many evenly spaced ones in their order of size
    places = np.linspace(0, len(ordered) - 1, seen).round().astype(int)
    centres = np.unique(kmeans1d.cluster(ordered[places], levels).centroids)
    nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, kept)
    counts = np.bincount(nearest, minlength=len(centres))
    # Of many weights k-means saw a part: each value moves to the mean of all that are nearest to it.
    means = np.where(counts > 0, np.bincount(nearest, kept, minlength=len(centres)) / np.maximum(counts, 1), centres)
    shared = np.zeros(flat.shape, weights.dtype)
    shared[flat != 0] = means[nearest].astype(weights.dtype)
    return shared.reshape(weights.shape)
