"""The lenses' mathematics, run in the browser that will run it, against closed forms; what Python reckons too, against the same
vectors."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from kdui.methods.compress.quantize.rounding import dequantize_channels, quantize_channels
from kdui.problems.softmax import softmax

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "modules"

VECTORS = json.loads((Path(__file__).resolve().parents[1] / "data" / "mathematics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def maths(browser):
    """Calls a function of the lenses' mathematics with plain arguments."""
    page = browser.new_page()
    text = (ASSETS / "mathematics.js").read_text(encoding="utf-8")
    load = "async (text) => { window.module = await import('data:text/javascript,' + encodeURIComponent(text)); }"
    page.evaluate(load, text)
    return lambda name, *given: page.evaluate(f"(given) => module.maths.{name}(...given)", list(given))


def histogram(weights, bins=61):
    counts, edges = np.histogram(weights, bins=bins)
    return edges.tolist(), counts.tolist()


@pytest.mark.parametrize(("logits", "temperature", "wanted"), VECTORS["softmax"])
def test_softmax_is_one_in_both_languages(maths, logits, temperature, wanted):
    assert maths("softmax", logits, temperature) == pytest.approx(wanted, abs=1e-11)
    assert softmax(np.array([logits]), temperature)[0] == pytest.approx(wanted, abs=1e-11)


@pytest.mark.parametrize(("values", "bits", "wanted"), VECTORS["rounding"])
def test_the_grid_of_few_bits_is_one_in_both_languages(maths, values, bits, wanted):
    levels = maths("grid", max(map(abs, values)), bits)
    assert [min(levels, key=lambda level: abs(level - value)) for value in values] == pytest.approx(wanted, abs=1e-8)
    codes, scales = quantize_channels(np.array([values]), bits, 0)
    there = dequantize_channels(codes, scales, (1, len(values)), 0)[0]
    assert there == pytest.approx(wanted, rel=2e-3)  # its scales are fp16


def test_softmax_divides_logits_by_the_temperature(maths):
    assert maths("softmax", [math.log(3) * 4, 0.0], 4) == pytest.approx([0.75, 0.25])


def test_softmax_of_huge_logits_does_not_overflow(maths):
    assert maths("softmax", [2000.0, 1000.0], 1) == pytest.approx([1.0, 0.0])


def test_entropy_of_a_flat_answer_is_the_logarithm_of_its_labels(maths):
    assert maths("entropy", [0.25] * 4) == pytest.approx(2.0)
    assert maths("entropy", [1.0, 0.0]) == 0


def test_quantile_reads_the_threshold_of_any_share(maths):
    assert maths("quantile", [0.0, 1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert maths("quantile", [0.0, 1.0], 0.25) == 0.25
    assert maths("quantile", [0.0, 1.0], 1) == 1.0


def test_covered_share_of_the_histogram_is_the_asked_sparsity(maths):
    weights = np.random.default_rng(0).normal(0, 0.05, 50_000)
    edges, counts = histogram(weights, bins=200)
    sample = np.quantile(np.abs(weights), np.linspace(0, 1, 4096)).tolist()
    threshold = maths("quantile", sample, 0.6)
    covered = maths("covered", edges, threshold)
    assert np.dot(covered, counts) / len(weights) == pytest.approx(0.6, abs=0.005)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_grid_has_two_to_the_bits_minus_one_symmetric_levels(maths, bits):
    levels = maths("grid", 0.5, bits)
    assert len(levels) == 2**bits - 1
    assert (levels[0], levels[-1], levels[len(levels) // 2]) == pytest.approx((-0.5, 0.5, 0.0))


@pytest.mark.parametrize("bits", [2, 4, 6, 8])
def test_rounding_error_matches_rounding_the_weights_themselves(maths, bits):
    weights = np.random.default_rng(1).normal(0, 0.05, 100_000)
    largest = float(np.abs(weights).max())
    step = largest / (2 ** (bits - 1) - 1)
    true = float(np.mean((weights - np.round(weights / step) * step) ** 2))
    edges, counts = histogram(weights, bins=101)
    assert maths("roundingError", edges, counts, largest, bits) == pytest.approx(true, rel=0.03)


def test_rounding_error_of_an_even_spread_is_a_twelfth_of_the_squared_step(maths):
    assert maths("roundingError", [-1.0, 1.0], [10], 1.0, 8) == pytest.approx((1 / 127) ** 2 / 12)


def test_power_is_the_mean_square(maths):
    assert maths("power", [-1.0, 1.0], [10]) == pytest.approx(1 / 3)


def test_leading_labels_add_the_rest_up(maths):
    rows = maths("leading", list("abcde"), [0.1, 0.5, 0.2, 0.15, 0.05], [0.2] * 5, 2)
    assert [row[0] for row in rows] == ["b", "c", "3 others"]
    assert rows[-1][1:] == pytest.approx([0.3, 0.6])


def test_a_sure_and_right_answer_with_a_visible_second_comes_first(maths):
    unsure = {"truth": "a", "logits": [1.0, 0.9, 0.8]}
    wrong = {"truth": "b", "logits": [9.0, 2.0, 0.0]}
    flat = {"truth": "c", "logits": [0.0, 0.0, 12.0]}
    telling = {"truth": "a", "logits": [9.0, 5.0, 0.0]}
    assert maths("telling", ["a", "b", "c"], [unsure, wrong, flat, telling]) == [telling, flat, unsure, wrong]


def test_ten_labels_are_all_shown(maths):
    rows = maths("leading", list("abcdefghij"), [0.1] * 10, [0.1] * 10)
    assert sorted(row[0] for row in rows) == list("abcdefghij")
