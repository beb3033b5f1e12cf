"""What-if's sums, which stand twice: the server's and those of the browser's module, held to the same vectors."""

import json
import subprocess
from pathlib import Path

import pytest

from kdui.methods.compress.sensitivity.additive import band_of, interpolated, predicted
from kdui.methods.compress.sensitivity.changes import Change, layer_bytes

ROOT = Path(__file__).parents[3]
VECTORS = json.loads((ROOT / "tests" / "data" / "additive.json").read_text(encoding="utf-8"))
SCRIPT = """
import { readFileSync } from "node:fs";
const { maths } = await import(process.argv[1]), given = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify({
  even: given.even.map(([value]) => maths.even(value)),
  interpolated: given.interpolated.map((row) => maths.interpolated(...row)),
  layer_bytes: given.layer_bytes.map((row) => maths.layerBytes(...row)),
  predicted: given.predicted.map(([name, change]) => {
    const guess = maths.predicted(given.found[name], change);
    return [guess, maths.band(given.found[name], guess)];
  }),
}));
"""


@pytest.fixture(scope="module")
def browser_sums():
    """What the browser's module makes of the vectors."""
    module = (ROOT / "assets" / "modules" / "additive.js").as_uri()
    command = ["node", "--input-type=module", "-e", SCRIPT, module]
    output = subprocess.run(command, input=json.dumps(VECTORS), capture_output=True, check=True, encoding="utf-8")
    return json.loads(output.stdout)


def test_halves_are_rounded_to_even_in_both_languages(browser_sums):
    wanted = [rounded for _, rounded in VECTORS["even"]]
    assert browser_sums["even"] == wanted == [round(value) for value, _ in VECTORS["even"]]


def test_strengths_between_measured_ones_are_interpolated_alike(browser_sums):
    wanted = [value for *_, value in VECTORS["interpolated"]]
    assert browser_sums["interpolated"] == pytest.approx(wanted)
    assert [interpolated(*given) for *given, _ in VECTORS["interpolated"]] == pytest.approx(wanted)


def test_a_layer_takes_the_same_bytes_in_both_languages(browser_sums):
    wanted = [size for *_, size in VECTORS["layer_bytes"]]
    assert browser_sums["layer_bytes"] == pytest.approx(wanted)
    result = [layer_bytes(rows, columns, Change(**change)) for rows, columns, change, _ in VECTORS["layer_bytes"]]
    assert result == pytest.approx(wanted)


def test_a_change_of_all_layers_is_predicted_alike_and_trusted_alike(browser_sums):
    for (name, change, wanted, band), (there, band_there) in zip(VECTORS["predicted"], browser_sums["predicted"], strict=True):
        result = VECTORS["found"][name]
        guess = predicted(result, Change(**change))
        assert guess == pytest.approx(wanted) and there == pytest.approx(wanted), (name, change)
        assert band_there == band_of(result, guess) == band, (name, change)
