"""The arithmetic of the report: medians, percentiles, ratios of readings taken in turn, and aims."""

import pytest

from kdui.bench.findings import Finding, Spread, plain, ratio


def test_median_p95_and_range_of_known_readings() -> None:
    spread = Spread(tuple(float(number) for number in range(20, 0, -1)), "ms")
    assert spread.median == 10.5
    assert spread.p95 == 19.0
    assert str(spread) == "10.5 ms (1.00 to 20.0, n = 20)"


def test_p95_of_one_reading_is_that_reading() -> None:
    assert Spread((7.0,), "ms").p95 == 7.0


def test_ratio_divides_each_reading_by_its_neighbour() -> None:
    result = ratio("a ÷ b", Spread((2.0, 6.0, 3.0), "s"), Spread((1.0, 2.0, 3.0), "s"), "≤", 1.1, ["b"])
    assert result.value == 2.0
    assert result.spread == "1.00 to 3.00, n = 3"
    assert not result.met


@pytest.mark.parametrize(
    ("relation", "value", "met"), [("≤", 1.1, True), ("≤", 1.11, False), ("≥", 2.4, True), ("≥", 2.39, False)]
)
def test_an_aim_is_met_up_to_and_with_its_limit(relation: str, value: float, met: bool) -> None:
    aim = 1.1 if relation == "≤" else 2.4
    assert Finding("x", value, "×", "", relation, aim).met is met


def test_the_text_states_value_spread_aim_and_verdict() -> None:
    result = Finding("Start", 4.25, "s", "4.00 to 5.00, n = 3", "≤", 5.0, ("from an empty home",))
    assert result.text() == "Start: 4.25 s (4.00 to 5.00, n = 3) · aim ≤ 5 s: met\n    from an empty home"
    assert result.row()["aim"] == "≤ 5"


@pytest.mark.parametrize(("value", "text"), [(1234.5, "1,234"), (45.67, "45.7"), (3.14159, "3.14"), (0.01234, "0.012")])
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert plain(value) == text
