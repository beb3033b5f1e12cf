"""Tables of probabilities as people have them: other separators and decimals, rounded, in percent, or knowing nothing."""

import re

import numpy as np
import pytest
import torch

from kdui.core.errors import RecipeError, StageFailed
from kdui.methods.teach.teach.apply import take_table
from kdui.methods.teach.teach.table import read_table
from kdui.training.context import QuietReporter, StepContext, TaskData
from tests.methods.foreign_teachers import DIGITS, recipe, table

SECRET = "s3cret-token"


def written(path, rows, separator=",", labels=DIGITS.labels, form="%.5f", comma=False):
    lines = [separator.join(labels), *(separator.join(form % value for value in row) for row in rows)]
    head, *rest = lines
    path.write_text("\n".join([head, *(line.replace(".", ",") if comma else line for line in rest)]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def taken(bench, splits, tmp_path):
    """Takes a table in as the first step of a run does; gives its log and the kept shares."""

    def take(teacher: str):
        report = QuietReporter()
        context = StepContext(
            step=bench.plan(recipe(teacher))[0],
            data=TaskData(DIGITS, splits),
            device=torch.device("cpu"),
            inputs={},
            out=tmp_path,
            checkpoint=tmp_path,
            report=report,
            app_settings=bench.settings,
        )
        take_table(context)
        return report.lines, np.exp(np.load(tmp_path / "outputs.npy")[0].astype(np.float64))

    return take


def test_probabilities_that_know_nothing_are_stopped(taken, tmp_path):
    chance = np.random.default_rng(0).dirichlet(np.ones(10), DIGITS.splits["train"])
    with pytest.raises(
        StageFailed, match=r"random\.csv gets \d+ of 1,259 training examples of Digits right.*no better than chance"
    ):
        taken(f"csv:{written(tmp_path / 'random.csv', chance)}")


def test_columns_under_each_others_names_are_stopped_with_the_order_that_fits(taken, answers, tmp_path):
    path = written(tmp_path / "turned.csv", np.roll(answers, 3, axis=1))
    with pytest.raises(StageFailed, match=re.escape(f"Write 'csv:{path}?labels=7,8,9,0,1,2,3,4,5,6'")):
        taken(f"csv:{path}")
    _, kept = taken(f"csv:{path}?labels=7,8,9,0,1,2,3,4,5,6")
    np.testing.assert_allclose(kept, answers, atol=2e-3)


def test_rows_in_another_order_than_the_examples_are_stopped(taken, answers, tmp_path):
    with pytest.raises(StageFailed, match="no better than chance"):
        taken(f"csv:{written(tmp_path / 'shuffled.csv', np.random.default_rng(1).permutation(answers))}")


def test_two_decimals_are_scaled_and_that_is_reported(taken, answers, tmp_path):
    soft = 0.6 * answers + 0.04
    lines, kept = taken(f"csv:{written(tmp_path / 'rounded.csv', soft, form='%.2f')}")
    assert re.fullmatch(r"rounded\.csv: [\d,]+ of its rows sum to 0\.9\d* … 1\.0\d*, not to 1: they were scaled\.", lines[0])
    np.testing.assert_allclose(kept.sum(-1), 1, atol=5e-3)
    np.testing.assert_allclose(kept, soft, atol=1.2e-2)


@pytest.mark.parametrize(
    ("separator", "comma", "words"),
    [
        (";", False, ["its columns are parted by semicolons."]),
        ("\t", False, ["its columns are parted by tabs."]),
        ("|", False, ["its columns are parted by bars."]),
        (";", True, ["its columns are parted by semicolons.", "its numbers are written with a decimal comma."]),
        ("\t", True, ["its columns are parted by tabs.", "its numbers are written with a decimal comma."]),
    ],
)
def test_other_separators_and_decimal_commas_are_recognised_and_reported(answers, tmp_path, separator, comma, words):
    table_read = read_table(written(tmp_path / "other.csv", answers, separator, comma=comma), DIGITS, len(answers))
    np.testing.assert_allclose(table_read.probabilities, answers, atol=1e-4)
    assert table_read.remarks == words


def test_decimal_commas_between_quotes_are_read(answers, tmp_path):
    rows = [[f"{value:.5f}".replace(".", ",") for value in row] for row in answers]
    table_read = read_table(table(tmp_path / "quoted.csv", rows), DIGITS, len(answers))
    np.testing.assert_allclose(table_read.probabilities, answers, atol=1e-4)
    assert table_read.remarks == ["its numbers are written with a decimal comma."]


def test_percent_are_recognised_and_reported(answers, tmp_path):
    table_read = read_table(written(tmp_path / "percent.csv", 100 * answers), DIGITS, len(answers))
    np.testing.assert_allclose(table_read.probabilities, answers, atol=1e-4)
    assert table_read.remarks == ["its numbers are percent and were divided by 100."]


def test_logits_are_no_probabilities(answers, tmp_path):
    with pytest.raises(StageFailed, match="They look like logits: write their softmax"):
        read_table(written(tmp_path / "logits.csv", np.log(np.maximum(answers, 1e-6))), DIGITS, len(answers))


def test_columns_in_another_order_follow_their_names(answers, tmp_path):
    names = list(reversed(DIGITS.labels))
    table_read = read_table(written(tmp_path / "reversed.csv", answers[:, ::-1], ";", names), DIGITS, len(answers))
    np.testing.assert_allclose(table_read.probabilities, answers, atol=1e-4)
    assert table_read.columns == list(range(9, -1, -1))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{SECRET}," + ",".join("0.1" for _ in range(9)), "Line 3 of .* holds no number"),
        (SECRET, "Line 3 of .* has 1 values"),
        ("inf" + ",0" * 9, "Line 3 of .* NaN or infinite"),
        ("0.5" + ",0.2" * 9, r"Line 3 of .* sums to 2\.3"),
        ("-0.5,1.5" + ",0" * 8, "Line 3 of .* no probability.* Correct that row"),
    ],
)
def test_a_row_at_fault_is_named_by_its_line_and_never_quoted(answers, tmp_path, line, words):
    path = written(tmp_path / "wrong.csv", answers)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[3:]]))
    with pytest.raises(StageFailed, match=words) as caught:
        read_table(path, DIGITS, len(answers))
    assert SECRET not in str(caught.value)


def test_only_the_order_of_labels_is_an_option_of_a_table(bench, answers, tmp_path):
    path = written(tmp_path / "plain.csv", answers)
    for tail in ("?scale=255", "?probabilities=true", "?output=a"):
        with pytest.raises(RecipeError, match="takes no options but 'labels'"):
            bench.plan(recipe(f"csv:{path}{tail}"))
    plain, ordered = (
        bench.plan(recipe(f"csv:{path}{tail}"))[0].settings["model"] for tail in ("", "?labels=9,8,7,6,5,4,3,2,1,0")
    )
    assert plain["options"] == {"probabilities": False} and ordered["options"]["labels"] == list("9876543210")
