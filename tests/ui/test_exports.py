"""CSV files: what a spreadsheet would compute stays a text, numbers stay numbers."""

import io

import pandas
import pytest

from kdui.ui.exports import spreadsheet_csv

FORMULAS = ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_stays_a_text(text):
    message = spreadsheet_csv(pandas.DataFrame({"name": ["plain", text], text: [1, 2]}))
    read = pandas.read_csv(io.StringIO(message, newline=""), lineterminator="\n")
    assert list(read.columns) == ["name", f"'{text}"] and list(read["name"]) == ["plain", f"'{text}"]


def test_numbers_and_gaps_stay_as_they_are():
    frame = pandas.DataFrame({"gain": [-1.5, 2.0], "n": [-3, 4], "text": [None, "a"], "mixed": [-1, "x"], "yes": [True, False]})
    assert spreadsheet_csv(frame) == frame.to_csv(index=False)
    assert spreadsheet_csv(frame.iloc[:0]) == frame.iloc[:0].to_csv(index=False)
