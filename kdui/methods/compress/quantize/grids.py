"""Uniform grids of weights: one scale (and zero-point) for a tensor, a channel or a group, its range by min-max, percentile or
squared error. Pure numpy."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kdui.core.errors import StageFailed

Granularity = Literal["tensor", "channel", "group"]
Calibration = Literal["min-max", "percentile", "mse"]
SMALLEST = 1e-7  # of a scale: fp16 holds it, and it is never a division by zero
PERCENTILE = 99.9  # of a weight's size; of activations see ``ranges``
SHRINKING = np.linspace(1.0, 0.4, 25)  # shares of the full range that the search for the least squared error tries


@dataclass(frozen=True)
class GridChoice:
    """How a weight matrix is rounded."""

    bits: int
    symmetric: bool = True
    granularity: Granularity = "channel"
    group_size: int = 32
    calibration: Calibration = "min-max"


@dataclass(frozen=True)
class Grid:
    """Scales fp16 [rows or 1, groups] and, where it is not symmetric, zero-points uint8 of the same shape.

    A code q stands for scale · q, or scale · (q − zero). Symmetric codes are −L … L with L = 2^(bits−1) − 1, others
    0 … 2^bits − 1 (Jacob et al. 2018, equation 1). Zero is always a level, so what was pruned stays zero.
    """

    bits: int
    scales: np.ndarray
    zeros: np.ndarray | None = None
    group: int = 0  # weights of a row that share a scale; 0: all of them

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest code."""
        level = 2 ** (self.bits - 1) - 1
        return (-level, level) if self.zeros is None else (0, 2**self.bits - 1)

    def spread(self, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """The scale and the zero-point of each weight, float64, [rows, columns] or what broadcasts to it."""
        zeros = np.zeros(self.scales.shape) if self.zeros is None else self.zeros
        bounds = []
        for part in (self.scales, zeros):
            wide = np.repeat(part, self.group, axis=1)[:, :columns] if self.group else part
            bounds.append(wide.astype(np.float64))
        return bounds[0], bounds[1]

    def codes(self, matrix: np.ndarray) -> np.ndarray:
        """The nearest code of each weight, int16."""
        scales, zeros = self.spread(*matrix.shape)
        low, high = self.limits
        codes: np.ndarray = np.clip(np.rint(matrix.astype(np.float64) / scales) + zeros, low, high).astype(np.int16)
        return codes

    def values(self, codes: np.ndarray) -> np.ndarray:
        """The fp32 weights that codes stand for: one product of two numbers that fp32 holds exactly."""
        scales, zeros = self.spread(*codes.shape)
        values: np.ndarray = (codes - zeros).astype(np.float32) * scales.astype(np.float32)
        return values


def make_grid(matrix: np.ndarray, choice: GridChoice) -> Grid:
    """The grid of a weight matrix [channels, rest]; raises StageFailed where weights are no finite numbers.

    With min-max the error of a weight is at most half its scale, plus what rounding the scale up to fp16 adds.
    """
    if not np.isfinite(matrix).all():
        raise StageFailed("A weight matrix holds values that are no numbers. Train the model again before it is quantized.")
    blocks, group = _blocks(matrix.astype(np.float64), choice)
    low, high = _range(blocks, choice)
    best = _fitted(low, high, choice, group, matrix.shape)
    if choice.calibration != "mse" or not matrix.size:
        return best
    least = _errors(matrix, best, group)
    for share in SHRINKING[1:]:
        tried = _fitted(low * share, high * share, choice, group, matrix.shape)
        errors = _errors(matrix, tried, group)
        better = errors < least
        least = np.where(better, errors, least)
        zeros = None if best.zeros is None or tried.zeros is None else np.where(better, tried.zeros, best.zeros)
        best = Grid(choice.bits, np.where(better, tried.scales, best.scales), zeros, group)
    return best


def _blocks(matrix: np.ndarray, choice: GridChoice) -> tuple[np.ndarray, int]:
    """What shares a scale on the last axis, [rows or 1, groups, weights]; a short last group repeats its last weight."""
    rows, columns = matrix.shape
    if choice.granularity == "tensor":
        return matrix.reshape(1, 1, -1), 0
    if choice.granularity == "channel" or not matrix.size:
        return matrix.reshape(rows, 1, columns), 0
    padded = np.pad(matrix, ((0, 0), (0, -columns % choice.group_size)), mode="edge")
    return padded.reshape(rows, -1, choice.group_size), choice.group_size


def _range(blocks: np.ndarray, choice: GridChoice) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each block that the grid must hold; zero lies between them."""
    if not blocks.size:
        return np.zeros(blocks.shape[:2]), np.zeros(blocks.shape[:2])
    if choice.calibration == "percentile":
        clipped = (100 - PERCENTILE) / 2
        if choice.symmetric:
            reach = np.percentile(np.abs(blocks), PERCENTILE, axis=-1)
            return -reach, reach
        low, high = np.percentile(blocks, clipped, axis=-1), np.percentile(blocks, 100 - clipped, axis=-1)
    else:
        low, high = blocks.min(-1), blocks.max(-1)
    if choice.symmetric:
        reach = np.maximum(-low, high)
        return -reach, reach
    return np.minimum(low, 0), np.maximum(high, 0)


def _fitted(low: np.ndarray, high: np.ndarray, choice: GridChoice, group: int, shape: tuple[int, ...]) -> Grid:
    if choice.symmetric:
        return Grid(choice.bits, scales_up(high, 2 ** (choice.bits - 1) - 1), None, group)
    steps = 2**choice.bits - 1
    scales = scales_up(high - low, steps)
    zeros = np.clip(np.rint(-low / scales.astype(np.float64)), 0, steps).astype(np.uint8)
    return Grid(choice.bits, scales, zeros, group)


def scales_up(reach: np.ndarray, steps: int) -> np.ndarray:
    """reach / steps in fp16, rounded up so that the reach still is a level; raises StageFailed beyond fp16."""
    exact = np.maximum(reach / steps, SMALLEST)
    with np.errstate(over="ignore"):
        scales = exact.astype(np.float16)
    short = scales.astype(np.float64) * steps < reach
    scales = np.where(short, np.nextafter(scales, np.float16(np.inf)), scales).astype(np.float16)
    if not np.isfinite(scales).all():
        raise StageFailed(
            "Weights this large have no fp16 scale. Train the model again with weight decay before it is quantized."
        )
    return scales


def _errors(matrix: np.ndarray, grid: Grid, group: int) -> np.ndarray:
    """Squared error of each block, shaped as the scales."""
    squares: np.ndarray = (matrix.astype(np.float64) - grid.values(grid.codes(matrix))) ** 2
    if grid.scales.shape == (1, 1):
        return np.array([[squares.sum()]])
    blocks = np.pad(squares, ((0, 0), (0, -matrix.shape[1] % (group or 1))))
    summed: np.ndarray = blocks.reshape(len(matrix), -1, group or max(1, matrix.shape[1])).sum(-1)
    return summed
