"""Grids of weights in groups and with zero-points, GPTQ against rounding to the nearest, ranges of activations, allocation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_digits

from kdui.core.errors import StageFailed
from kdui.methods.compress.hessian import output_errors
from kdui.methods.compress.quantize.allocation import allocate
from kdui.methods.compress.quantize.awq import awq, input_scales
from kdui.methods.compress.quantize.gptq import gptq
from kdui.methods.compress.quantize.grids import Grid, GridChoice, make_grid
from kdui.methods.compress.quantize.ranges import Histogram
from kdui.methods.compress.quantize.rounding import dequantize_channels, quantize_channels

MATRICES = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(-8, 8, width=32, allow_subnormal=False)
)
CHOICES = st.builds(
    GridChoice,
    bits=st.integers(2, 8),
    symmetric=st.booleans(),
    granularity=st.sampled_from(["tensor", "channel", "group"]),
    group_size=st.sampled_from([2, 3, 8]),
)


@settings(max_examples=60, deadline=None)
@given(matrix=MATRICES, choice=CHOICES)
def test_min_max_errs_by_half_a_step_and_keeps_zero(matrix, choice):
    grid = make_grid(matrix, choice)
    codes = grid.codes(matrix)
    scales, _ = grid.spread(*matrix.shape)
    errors = np.abs(matrix.astype(np.float64) - grid.values(codes))
    assert (errors <= np.broadcast_to(scales, matrix.shape) * (0.5 + 1e-6) + 1e-6).all()
    assert (grid.values(grid.codes(np.zeros_like(matrix))) == 0).all()
    low, high = grid.limits
    assert codes.min(initial=low) >= low and codes.max(initial=low) <= high


@settings(max_examples=40, deadline=None)
@given(matrix=MATRICES, bits=st.integers(2, 8))
def test_symmetric_channels_are_the_grid_of_before(matrix, bits):
    grid = make_grid(matrix, GridChoice(bits))
    codes, scales = quantize_channels(matrix, bits, 0)
    assert np.array_equal(grid.scales[:, 0], scales) and np.array_equal(grid.codes(matrix), codes)
    assert np.array_equal(grid.values(codes), dequantize_channels(codes, scales, matrix.shape, 0))


def test_an_asymmetric_grid_by_hand():
    grid = make_grid(np.array([[-1.0, 0.0, 2.0]], np.float32), GridChoice(2, symmetric=False))
    assert (float(grid.scales[0, 0]), int(grid.zeros[0, 0])) == (1.0, 1)
    assert grid.codes(np.array([[-1.0, 0.4, 2.0]])).tolist() == [[0, 1, 3]]
    assert grid.values(np.array([[0, 1, 3]])).tolist() == [[-1.0, 0.0, 2.0]]


def test_finer_scales_and_zero_points_come_closer():
    random = np.random.default_rng(0)
    matrix = (random.normal(size=(16, 96)) * random.uniform(0.1, 3, (16, 96))).astype(np.float32) + 0.3

    def error(**choice):
        grid = make_grid(matrix, GridChoice(4, **choice))
        return float(((matrix - grid.values(grid.codes(matrix))) ** 2).mean())

    by_size = [error(granularity="tensor"), error(), error(granularity="group", group_size=16)]
    assert by_size[0] > by_size[1] > by_size[2]
    assert error(symmetric=False) < error()
    assert error(calibration="mse") < error() and error(calibration="mse") < error(calibration="percentile")


@pytest.mark.parametrize("granularity", ["tensor", "channel", "group"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_the_least_squares_range_is_never_worse_for_any_scale(granularity, symmetric):
    matrix = np.random.default_rng(3).standard_t(3, size=(6, 40)).astype(np.float32)
    choice = {"granularity": granularity, "group_size": 16, "symmetric": symmetric}
    plain, best = (make_grid(matrix, GridChoice(3, calibration=how, **choice)) for how in ("min-max", "mse"))
    squares = [((matrix - grid.values(grid.codes(matrix))) ** 2).astype(np.float64) for grid in (plain, best)]
    if granularity == "tensor":
        assert squares[1].sum() <= squares[0].sum()
    elif granularity == "channel":
        assert (squares[1].sum(1) <= squares[0].sum(1) + 1e-6).all()
    else:
        ends = [0, 16, 32]
        assert (np.add.reduceat(squares[1], ends, 1) <= np.add.reduceat(squares[0], ends, 1) + 1e-6).all()


def test_weights_that_are_no_numbers_or_beyond_fp16_are_refused():
    with pytest.raises(StageFailed, match="no numbers"):
        make_grid(np.array([[np.nan, 1.0]], np.float32), GridChoice(4))
    with pytest.raises(StageFailed, match="no fp16 scale"):
        make_grid(np.array([[1e9, 1.0]], np.float32), GridChoice(4))


# --- GPTQ ---------------------------------------------------------------------------------------------------------------


def test_gptq_by_hand():
    """Two inputs that are always equal: what the first weight loses by rounding, the second makes up for."""
    weights, grid = np.array([[0.4, 0.4, 3.0]], np.float32), Grid(3, np.array([[1.0]], np.float16))
    inputs = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    moment = inputs.T @ inputs
    assert grid.codes(weights).tolist() == [[0, 0, 3]]  # off by 0.8 of the shared input
    assert gptq(weights, moment, grid, dampening=1e-6).tolist() == [[0, 1, 3]]  # off by 0.2


@pytest.mark.parametrize(("bits", "act_order", "granularity"), [(2, False, "channel"), (3, True, "channel"), (4, True, "group")])
def test_gptq_keeps_the_outputs_of_real_inputs_closer(bits, act_order, granularity):
    pixels = load_digits().data[:400].astype(np.float64) / 16
    weights = np.random.default_rng(1).normal(size=(10, 64)).astype(np.float32)
    grid, moment = make_grid(weights, GridChoice(bits, granularity=granularity, group_size=16)), pixels.T @ pixels
    codes = gptq(weights, moment, grid, act_order=act_order)
    ours, nearest = (np.linalg.norm(pixels @ (weights - grid.values(each)).T) for each in (codes, grid.codes(weights)))
    assert ours < 0.6 * nearest
    low, high = grid.limits
    assert codes.min() >= low and codes.max() <= high


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), bits=st.integers(2, 4), dead=st.booleans())
def test_gptq_is_never_worse_than_the_nearest_levels(seed, bits, dead):
    random = np.random.default_rng(seed)
    inputs, weights = random.normal(size=(12, 9)), random.normal(size=(4, 9)).astype(np.float32)
    if dead:
        inputs[:, 3] = 0
    grid, moment = make_grid(weights, GridChoice(bits, symmetric=False)), inputs.T @ inputs
    ours, nearest = (
        output_errors(weights, grid.values(codes), moment) for codes in (gptq(weights, moment, grid), grid.codes(weights))
    )
    assert (ours <= nearest + 1e-9).all()


# --- AWQ ----------------------------------------------------------------------------------------------------------------


def test_input_scales_by_hand():
    moment = np.diag([16.0, 1.0, 4.0])  # sizes 4, 1 and 2
    assert input_scales(moment, 0.0).tolist() == [1, 1, 1]
    assert input_scales(moment, 1.0) == pytest.approx([2, 0.5, 1])  # over the root of 4 · 1
    assert input_scales(moment, 0.5) == pytest.approx([2**0.5, 0.5**0.5, 1])
    assert np.isfinite(input_scales(np.zeros((3, 3)), 0.7)).all()


def test_awq_saves_the_small_weight_of_a_large_input():
    """One bit beside the sign: the weight 0.4 is rounded to 0, but its input is ten times as large as the other's."""
    weights, moment = np.array([[0.4, 1.0]], np.float32), np.diag([100.0, 1.0])
    grid, codes, scales = awq(weights, moment, GridChoice(2))
    nearest = make_grid(weights, GridChoice(2))
    assert nearest.values(nearest.codes(weights)).tolist() == [[0, 1]]  # loses 0.16 · 100
    values = grid.values(codes) / scales
    assert output_errors(weights, values, moment)[0] < 0.2 * 16 and values[0, 0] == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize(("bits", "granularity"), [(2, "channel"), (3, "group"), (4, "group")])
def test_awq_keeps_the_outputs_of_real_inputs_closer(bits, granularity):
    pixels = load_digits().data[:400].astype(np.float64) / 16
    weights, moment = np.random.default_rng(1).normal(size=(10, 64)).astype(np.float32), pixels.T @ pixels
    choice = GridChoice(bits, granularity=granularity, group_size=16)
    grid, codes, scales = awq(weights, moment, choice)
    ours = output_errors(weights, grid.values(codes) / scales, moment).sum()
    plain = make_grid(weights, choice)
    assert ours < 0.95 * output_errors(weights, plain.values(plain.codes(weights)), moment).sum()


# --- ranges of activations ----------------------------------------------------------------------------------------------


def test_ranges_of_activations():
    histogram = Histogram()
    values = np.random.default_rng(2).normal(size=200_000)
    for part in np.array_split(values, 7):
        histogram.add(part)
    histogram.add(np.array([60.0, np.nan]))  # one outlier, and one number that is none
    low, high = histogram.range("min-max")
    assert (low, high) == (pytest.approx(values.min()), 60.0)
    low, high = histogram.range("percentile")
    assert -4.6 < low < -3.4 and 3.4 < high < 4.6
    low, high = histogram.range("mse")
    assert -5.5 < low < -3 and 10 < high <= 60  # at 8 bits cutting 60 short costs its square once

    def squares(ends):
        scale = (ends[1] - ends[0]) / 255
        zero = np.rint(-ends[0] / scale)
        every = np.append(values, 60.0)
        return float((((np.clip(np.rint(every / scale) + zero, 0, 255) - zero) * scale - every) ** 2).sum())

    assert squares((low, high)) < squares(histogram.range("min-max"))


def test_positive_activations_begin_at_zero():
    histogram = Histogram()
    histogram.add(np.array([0.5, 1.0, 4.0]))
    assert histogram.range("min-max") == (0.0, 4.0)
    assert Histogram().range("mse") == (0.0, 0.0)


# --- allocation ---------------------------------------------------------------------------------------------------------

WIDTHS = (2, 3, 4, 8)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_allocation_keeps_its_budget_and_comes_close_to_the_best(data):
    count = data.draw(st.integers(1, 4))
    sizes = data.draw(st.lists(st.integers(1, 500), min_size=count, max_size=count))
    costs = [
        dict(
            zip(
                WIDTHS,
                sorted(data.draw(st.lists(st.floats(0, 5, allow_subnormal=False), min_size=4, max_size=4)), reverse=True),
                strict=True,
            )
        )
        for _ in sizes
    ]
    average = data.draw(st.floats(2, 8, allow_subnormal=False))  # sums are compared with the tolerance that allocate has
    bits = allocate(sizes, costs, average)
    assert sum(size * width for size, width in zip(sizes, bits, strict=True)) <= average * sum(sizes) + 1e-5
    possible = [
        sum(cost[width] for cost, width in zip(costs, each, strict=True))
        for each in itertools.product(WIDTHS, repeat=count)
        if sum(size * width for size, width in zip(sizes, each, strict=True)) <= average * sum(sizes) + 1e-6
    ]
    result = sum(cost[width] for cost, width in zip(costs, bits, strict=True))
    # A greedy descent misses the best by at most what one layer costs at its fewest bits.
    assert min(possible) - 1e-9 <= result <= min(possible) + max(cost[2] for cost in costs)


def test_a_sensitive_layer_gets_more_bits():
    costs = [{2: 5.0, 3: 3.0, 4: 1.0, 8: 0.0}, {2: 0.01, 3: 0.0, 4: 0.0, 8: 0.0}]
    assert allocate([100, 100], costs, 5) == [8, 2]
    assert allocate([100, 100], costs, 8) == [8, 8]
    assert allocate([100, 100], costs, 2) == [2, 2]
