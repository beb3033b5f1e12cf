"""One way to write a number, a gain and what is kept, in Python and in the browser's script."""

import json
import subprocess
from pathlib import Path

import pytest

from kdui.core.metric import ACCURACY, Metric
from kdui.core.numbers import number

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "data" / "numbers.json").read_text(encoding="utf-8"))
# The same questions, asked of the browser's module.
SCRIPT = """
import { readFileSync } from "node:fs";
const { number, metric } = await import(process.argv[1]), given = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify({
  number: given.number.map(([value, unit]) => number(value, unit)),
  gain: given.gain.map(([of, now, old, width]) => {
    const gain = metric(of).gain(now, old);
    return [metric(of).formatGain(gain, width), gain];
  }),
  retained: given.retained.map(([of, now, old]) => metric(of).retained(now, old)),
  better: given.gain.map(([of, now, old]) => metric(of).better(now, old)),
}));
"""


def metric_of(given) -> Metric:
    return Metric(name="x", title="X", **given)


@pytest.mark.parametrize(("value", "unit", "text"), VECTORS["number"])
def test_a_number_in_python(value, unit, text):
    assert number(value, unit).replace("\u202f", " ") == text


@pytest.mark.parametrize(("given", "new", "old", "width", "text", "gain"), VECTORS["gain"])
def test_a_gain_in_python(given, new, old, width, text, gain):
    metric = metric_of(given)
    assert metric.gain(new, old) == pytest.approx(gain) and metric.format_gain(metric.gain(new, old), width) == text
    assert metric.better(new, old) is (gain > 0) and not metric.better(float("nan"), old) and not metric.better(new, new)


@pytest.mark.parametrize(("given", "new", "old", "expected"), VECTORS["retained"])
def test_what_is_kept_in_python(given, new, old, expected):
    kept = metric_of(given).retained(new, old)
    assert kept is None if expected is None else kept == pytest.approx(expected)


def test_the_browsers_script_writes_the_same():
    output = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT, (ROOT / "assets" / "modules" / "numbers.js").as_uri()],
        input=json.dumps(VECTORS),
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    result = json.loads(output.stdout)
    assert [text.replace("\u202f", " ") for text in result["number"]] == [text for _, _, text in VECTORS["number"]]
    assert [text for text, _ in result["gain"]] == [row[4] for row in VECTORS["gain"]]
    assert [gain for _, gain in result["gain"]] == pytest.approx([row[5] for row in VECTORS["gain"]])
    assert result["better"] == [row[5] > 0 for row in VECTORS["gain"]]
    for kept, (*_, expected) in zip(result["retained"], VECTORS["retained"], strict=True):
        assert kept is None if expected is None else kept == pytest.approx(expected)


def test_a_level_that_keeps_a_share_is_the_inverse_of_what_is_kept():
    lower = Metric(name="bits", title="Bits per byte", unit="bits per byte", higher_is_better=False)
    for metric in (ACCURACY, lower):
        assert metric.retained(metric.required(80, 1.5), 1.5) == pytest.approx(80)
    assert lower.required(80, 1.0) == pytest.approx(1.25) and lower.lowered(1.0, 0.25) == 1.25


def test_what_is_given_up_is_points_or_a_share_of_the_metric():
    lower = Metric(name="bits", title="Bits per byte", unit="bits per byte", higher_is_better=False)
    assert ACCURACY.keeps(96.75, 97.0, 0.25) and not ACCURACY.keeps(96.7, 97.0, 0.25)
    assert lower.keeps(1.002, 1.0, 0.25) and not lower.keeps(1.01, 1.0, 0.25)
    assert ACCURACY.format_loss(0.28) == "0.28 points" and lower.format_loss(0.125) == "0.12 bits per byte"


def test_the_title_of_an_axis_says_a_direction_that_does_not_go_without_saying():
    lower = Metric(name="bits", title="Bits per byte", unit="", higher_is_better=False)
    assert ACCURACY.axis("test") == "test accuracy, %" and lower.axis() == "bits per byte, lower is better"
