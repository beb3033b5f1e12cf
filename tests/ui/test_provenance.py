"""Numbers as a person reads them."""

import pytest

from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.numbers import duration, number, span
from kdui.ui.provenance import mark, measured, ratio

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (22_700_000, "count", "22.7 M"),
        (1_797, "", "1,797"),
        (73_000, "count", "73 K"),
        (91_600_000, "bytes", "91.6 MB"),
        (312_000, "bytes", "312 kB"),
        (840, "bytes", "840 B"),
        (0.0009, "MB", "900 B"),
        (16.43, "ms", "16.4 ms"),
        (0.1824, "ms", "0.182 ms"),
        (0.0397, "ms", "39.7 µs"),
        (97.56, "%", "97.6 %"),
        (200, "s", "3 min"),
        (None, "ms", "–"),
        (float("nan"), "ms", "–"),
        (116_600_000, "count", "117 M"),
    ],
)
def test_numbers_carry_their_unit_and_no_false_precision(value, unit, text):
    assert number(value, unit).replace(THIN, " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (4.25, "4.25 s"), (40, "40 s"), (185, "3 min"), (7_500, "2 h 5 min"), (None, "–")]
)
def test_durations(seconds, text):
    assert duration(seconds).replace(THIN, " ") == text


def test_a_span_names_its_unit_once():
    assert span(96.2, 97.1, "%").replace(THIN, " ") == "96.2 – 97.1 %"
    assert span(5, 5, "ms").replace(THIN, " ") == "5 ms"


def test_ratios_of_costs_and_of_the_headline_metric():
    assert ratio(18.73) == "18×"
    assert ratio(0.991, percent=True).replace(THIN, " ") == "99.1 %"
    assert ratio(None) == "–"


def test_marks_are_readable_without_their_sign():
    assert "●" in mark(Origin.MEASURED) and 'aria-label="measured"' in mark(Origin.MEASURED)
    assert "⟲" in mark("replayed")


def test_a_measurement_in_words_states_how_many_and_where():
    provenance = Provenance(origin=Origin.MEASURED, device='CPU <"x">', n=2189, split="test")
    html = measured(Measurement(metric="accuracy", value=97.6, unit="%", provenance=provenance), words=True, name="accuracy")
    assert "● measured, n = 2,189" in html
    assert "<b>97.6" in html
    assert "measured on CPU &lt;&quot;x&quot;&gt;, n = 2,189, test" in html
