"""A teacher of which nothing but a table is there: its probabilities for each training example."""

import csv
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kdui.catalogue.black_box import TableForm, answers_file, table_form
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError, StageFailed
from kdui.methods.teach.teach.black_box import unchanged
from kdui.training.context import StepContext
from kdui.training.plausibility import require_plausible
from kdui.training.teacher_outputs import write_outputs

LEAST = 1e-7  # a probability of zero has no logarithm
EXACT = 1e-3  # rows that sum to one so nearly need no word
ROUNDED, PER_LABEL = 0.02, 0.005  # two decimals: each label is off by at most half a hundredth


class Table(NamedTuple):
    """Probabilities [examples, labels] in the task's order of labels, each label's column, and what was done to read them."""

    probabilities: np.ndarray
    columns: list[int]
    remarks: list[str]


def take_table(context: StepContext) -> dict[str, Any]:
    """The table's probabilities as cached outputs: their logarithms are logits of the same distribution.

    Raises StageFailed where it does not predict the training examples' labels better than chance (see ``training.plausibility``).
    """
    facts = unchanged(context)
    targets = context.data.targets("train")
    table = read_table(answers_file(facts.ref), context.facts, len(targets), tuple(facts.options["labels"]))
    for remark in table.remarks:
        context.report.log(f"{facts.title}: {remark}")
    logits = np.log(np.maximum(table.probabilities, LEAST)).astype(np.float32)
    require_plausible(facts, context.facts, logits, targets, order=table.columns, examples="training examples")
    write_outputs(context.out, logits[None])
    right = table.probabilities.argmax(-1) == targets
    context.report.log(f"{facts.title} names the true label of {100 * right.mean():.1f} % of the training examples.")
    return {"shape": [1, *logits.shape], "dtype": "float16", "train_accuracy": float(right.mean())}


def read_table(path: Path, task: TaskFacts, examples: int, labels: tuple[str, ...] = ()) -> Table:
    """The table in the file; raises StageFailed that names the line at fault and never quotes it.

    Columns may be parted by comma, semicolon, tab or bar, numbers be written with a decimal comma, in percent or with two
    decimals: that is recognised and stands in the remarks.
    """
    lines: list[int] = []
    rows: list[list[float]] = []
    commas = 0
    try:
        form = table_form(path, task, labels)
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=form.separator)
            next(reader)
            for cells in reader:
                if not cells:
                    continue
                commas += any("," in cell for cell in cells)
                rows.append(_numbers(cells, form, f"Line {reader.line_num} of {path}"))
                lines.append(reader.line_num)
                if len(rows) > examples:
                    break
    except UnicodeDecodeError as error:
        raise StageFailed(f"{path} is not written in UTF-8. Save it again.") from error
    except (RecipeError, OSError, csv.Error) as error:
        raise StageFailed(str(error)) from error
    if len(rows) != examples:
        count = "more" if len(rows) > examples else f"{len(rows):,}"
        raise StageFailed(
            f"{path} has {count} rows below its first line, but {task.title} has {examples:,} training examples: "
            "one row for each is needed, in their order."
        )
    remarks = [f"its columns are parted by {_NAMES[form.separator]}."] if form.separator != "," else []
    remarks += ["its numbers are written with a decimal comma."] if commas else []
    return Table(np.array(_shares(rows, lines, path, remarks)), form.columns, remarks)


_NAMES = {";": "semicolons", "\t": "tabs", "|": "bars"}


def _numbers(cells: list[str], form: TableForm, where: str) -> list[float]:
    if len(cells) != len(form.columns):
        raise StageFailed(f"{where} has {len(cells)} values, but there are {len(form.columns)} labels. Correct that row.")
    chosen = [cells[column] for column in form.columns]
    try:
        values = [float(cell.replace(",", ".") if "." not in cell else cell) for cell in chosen]
    except ValueError:
        raise StageFailed(f"{where} holds no number. Write probabilities between 0 and 1, with a point.") from None
    if not all(math.isfinite(value) for value in values):
        raise StageFailed(f"{where} holds a value that is no probability but NaN or infinite. Correct that row.")
    return values


def _shares(rows: list[list[float]], lines: list[int], path: Path, remarks: list[str]) -> list[list[float]]:
    """The rows as shares of one; adds to the remarks where they were percent, or summed to one only nearly."""
    tolerance = max(ROUNDED, PER_LABEL * len(rows[0])) + 1e-9
    if all(min(row) >= 0 and abs(sum(row) / 100 - 1) <= tolerance for row in rows):
        rows = [[value / 100 for value in row] for row in rows]
        remarks.append("its numbers are percent and were divided by 100.")
    totals = [sum(row) for row in rows]
    wrong = [place for place, row in enumerate(rows) if min(row) < 0 or max(row) > 1]
    if wrong:
        logits = " They look like logits: write their softmax." if 2 * len(wrong) > len(rows) else " Correct that row."
        raise StageFailed(
            f"Line {lines[wrong[0]]} of {path} and {len(wrong) - 1} more hold a value that is no probability: all must lie "
            f"between 0 and 1.{logits}"
        )
    for line, total in zip(lines, totals, strict=True):
        if abs(total - 1) > tolerance:
            raise StageFailed(
                f"Line {line} of {path} sums to {total:.4g}, but probabilities sum to 1 (± {tolerance:.2g}). Correct that row."
            )
    if off := [total for total in totals if abs(total - 1) > EXACT]:
        remarks.append(f"{len(off):,} of its rows sum to {min(off):.3g} … {max(off):.3g}, not to 1: they were scaled.")
    return [[value / total for value in row] for row, total in zip(rows, totals, strict=True)]
