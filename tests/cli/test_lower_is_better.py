"""A metric of which less is better, in a unit that is no percentage, through a run's rows, the terminal and a study's table."""

import pytest

from kdui.catalogue.studies import Study
from kdui.catalogue.tasks import TASKS
from kdui.cli.study import conclusions, markdown
from kdui.cli.terminal import print_run
from kdui.cli.verdicts import judged, proposal
from tests.charts.frames import LOWER
from tests.ui.stocked import MODELS, StockedWorkbench, measured

# Bits per byte: the student keeps 80 % of its teacher and beats its control by 0.25.
VALUES = {"teach": 1.0, "distill": 1.25, "distill.control": 1.5, "quantize": 4.5}
STUDY = {
    "title": "Texts",
    "task": "digits",
    "teacher": "cnn-small",
    "student": "cnn-tiny",
    "effect": 0.1,
    "arms": [{"title": title, "stages": ["teach", "distill"]} for title in ("Good", "Same", "Bad")],
}


@pytest.fixture
def digits(monkeypatch):
    """The digits, judged by that metric; always giving the most frequent label would reach 4 bits per byte."""
    facts = TASKS["digits"].model_copy(update={"headline": LOWER, "majority": 4.0})
    monkeypatch.setitem(TASKS._all(), "digits", facts)
    return facts


@pytest.fixture
def detail(digits, settings):
    """A finished run whose models were judged by it."""
    bench = StockedWorkbench(settings)
    run = bench.stock()
    for row in bench.store.results.rows_of_run(run.id):
        value = VALUES[row["step"].removeprefix("measure.")]
        kept = {name: item for name, item in row.items() if name not in ("id", "run", "step")}
        result = [measured(LOWER.name, value, LOWER.unit, low=value - 0.1, high=value + 0.1, higher_is_better=False)]
        result += [measured("latency_p50", row["latency_ms"], "ms")]
        kept |= {"headline": value, "headline_low": value - 0.1, "headline_high": value + 0.1}
        bench.store.results.record(run.id, row["step"], result, kept)
    return bench, bench.run(run.id)


def test_the_terminal_writes_the_metric_and_states_which_way_the_teacher_helped(detail, capsys):
    print_run(detail[1])
    lines = capsys.readouterr().out.splitlines()
    heading = next(line for line in lines if line.startswith("model "))
    assert "bits per byte" in heading and "accuracy" not in heading
    labels = {item.step.removeprefix("measure."): item.label for item in detail[1].results}
    for step in MODELS:
        (line,) = [line for line in lines if line.startswith(labels[step] + "  ")]
        assert f"{VALUES[step]:g} bits per byte ●" in line.replace("\u202f", " ")
    (gain,) = [line for line in lines if line.startswith("Gain from distillation")]
    assert "+0.25 bits per byte better" in gain


def test_rows_of_the_store_tell_the_worse_from_the_better(detail):
    bench, result = detail
    assert result.gain.value == pytest.approx(0.25)
    assert result.unlearned == (
        "Not trained yet: compressed 8-bit is not shown to be better than always predicting one label (4\u202fbits per byte)."
    )
    shown = {model.role: model.headline.replace("\u202f", " ") for model in bench.servable("digits")}
    assert shown == {
        "teacher": "1 bits per byte ●",
        "student": "1.25 bits per byte ●",
        "control": "1.5 bits per byte ●",
        "compressed": "4.5 bits per byte ●, not trained yet",
    }


def table(**values):
    """A study's plain data: one arm for each list of headlines, over a control at 1.5 bits per byte."""
    arms = []
    for title, result in values.items():
        model = {"role": "student", "label": title, "mean": sum(result) / len(result), "half_width": None, "headline": result}
        row = {"arm": title, "seeds": [*range(len(result))], "metric": LOWER.model_dump(), "models": {"distill": model}}
        gains = {"by_seed": [LOWER.gain(value, 1.5) for value in result]}
        arms.append({**row, "result": "distill", "minutes": 1.0, "gain_over_control": gains})
    return {"arms": arms}


def test_a_studys_table_orders_judges_and_heads_by_the_direction(digits):
    study = Study.model_validate(STUDY)
    verdict_table = judged(table(Good=[1.2, 1.21, 1.19], Same=[1.205, 1.2, 1.2], Bad=[1.7, 1.71, 1.69]), study)
    text = markdown(verdict_table).splitlines()
    assert text[0] == "| method | level | bits per byte, lower is better | over hard labels | minutes |"
    assert text[2].startswith("| Good | a | 1.2 | +0.30 ± 0.03: better |")
    assert text[3].startswith("| Same | a |") and text[4].startswith("| Bad | b | 1.7 | −0.20 ± 0.03: worse |")
    assert "an effect of 0.1 bits per byte" in conclusions(verdict_table) and "points" not in conclusions(verdict_table)
    assert "for 0.1 bits per byte" in proposal(study)
