"""A metric of which less is better, in a unit that is no percentage, through front, budget, winner, sentences and table."""

import re

import pandas as pd
import pytest

from kdui.catalogue.tasks import TASKS
from kdui.charts.findings import _doubt, _speed, cost_sentences, finding
from kdui.charts.front import Budget, best, limit_costs, pareto_front
from kdui.charts.gain import gain_sentence, teacher_gain
from kdui.charts.gains import gains_title, judged, method_gains, one_a_method
from kdui.charts.pareto import pareto_figure
from kdui.charts.repeats import merge_repeats
from kdui.core.metric import Metric
from kdui.core.statistics.paired import Difference
from kdui.ui.explore_view import Wish, sorted_index, table_html, winner_html
from tests.charts.frames import LOWER, point, points


def unknown(run, step, reference):
    return None


@pytest.fixture
def models():
    """A teacher of 1.0 bits per byte, a good and slow student, a worse and fast one."""
    own = {"headline_low": None, "headline_high": None}
    return merge_repeats(
        points(
            point("a", "teacher", 1.0, latency_ms=16.0, download_mb=90.0, retained=100.0, speedup=1.0, **own),
            point("b", "student", 1.25, latency_ms=2.0, download_mb=4.0, retained=80.0, speedup=8.0, **own),
            point("c", "compressed", 2.0, latency_ms=1.0, download_mb=1.0, retained=50.0, speedup=16.0, **own),
            point("d", "student", 4.0, latency_ms=3.0, download_mb=5.0, retained=25.0, speedup=5.0, **own),
        )
    )


def test_the_front_and_the_winner_are_the_lowest(models):
    front = pareto_front(models["latency_ms"].to_numpy(), models["headline"].to_numpy(), LOWER)
    assert sorted(models["headline"].iloc[front]) == [1.0, 1.25, 2.0]
    assert best(models, Budget(), LOWER)["headline"] == 1.25
    assert best(models, Budget(latency_ms=1.5), LOWER)["headline"] == 2.0
    assert best(models, Budget(retained=81), LOWER) is None


def test_sentences_state_what_rises_as_a_loss(models):
    assert finding(models, Budget(), LOWER) == (
        "A 4 MB student reaches 1.25 bits per byte, the teacher 1 bits per byte, 8 times faster"
    )
    decoding = models.assign(token_ms=[5.0 if role == "teacher" else 4.0 for role in models["role"]])
    assert finding(decoding, Budget(), LOWER, against="token_ms") == (
        "A 4 MB student reaches 1.25 bits per byte at 250 tokens/s, the teacher 1 bits per byte at 200 tokens/s"
    )
    (relaxed,) = [cost for cost in limit_costs(models, Budget(latency_ms=1.5), LOWER) if cost.move == "relax"]
    assert relaxed.gain == pytest.approx(0.75)
    assert cost_sentences([relaxed], LOWER)[0].startswith("A latency limit of 2 ms would allow 0.75 bits per byte lower")
    tight = [cost for cost in limit_costs(models, Budget(), LOWER) if cost.move == "tighten"]
    assert {cost.gain for cost in tight} == {-0.75}
    assert "would cost 0.75 bits per byte" in cost_sentences(tight, LOWER)[0]


def test_the_chart_says_the_direction_and_draws_the_level_that_keeps_the_share(models):
    figure = pareto_figure(models, x="latency_ms", metric=LOWER, task="Texts", budget=Budget(retained=80))
    assert figure.layout.yaxis.title.text == "test bits per byte, lower is better"
    assert [shape.y0 for shape in figure.layout.shapes if shape.y0 == shape.y1] == [pytest.approx(1.25)]
    hover = [line[2] for trace in figure.data if trace.customdata is not None for line in trace.customdata]
    assert any(text.startswith("1.25 bits per byte, 80.0 % of its teacher") for text in hover)


def test_the_table_and_the_card_write_the_metric_in_its_unit(models):
    fits = models["headline"] > 0
    assert models.loc[sorted_index(models, fits, "headline", False), "headline"].tolist() == [1.0, 1.25, 2.0, 4.0]
    texts = TASKS["reuters-r8"].model_copy(update={"headline": LOWER, "majority": None})
    table = table_html(models, [], LOWER, Wish(task="digits"))
    assert "1.25<" in table and "bits per byte<" not in table and "%" not in table.split("Retained")[0]
    assert "1.25\u202fbits per byte" in winner_html(models, Budget(), LOWER, texts)


def test_the_table_begins_with_the_best_and_states_which_way_it_goes(models):
    def shown(**wish):
        table = table_html(models, [], LOWER, Wish(task="digits", **wish))
        return re.findall(r"Bits per byte</span>([\d.]+)", table), re.search(r'aria-sort="(\w+)ending"', table)[1]

    assert shown() == (["1", "1.25", "2", "4"], "asc")
    assert shown(down=False) == (["4", "2", "1.25", "1"], "desc")
    assert shown(sort="latency_ms", down=True)[0] == ["1", "4", "1.25", "2"]


def test_the_gain_from_distillation_is_positive_when_the_metric_falls():
    rows = []
    for seed, (student, control) in enumerate(((1.1, 1.3), (1.12, 1.3), (1.08, 1.3))):
        made = {
            "settings": {"teacher": "t", "student": "s"},
            "seed": seed,
            "method": "distill",
            "created": f"2026-11-0{seed + 1}",
        }
        for role, value, step in (("student", student, "measure.distill"), ("control", control, "measure.distill.control")):
            rows.append({**point(f"r{seed}", role, value), **made, "step": step, "digest": f"{role}{seed}", "group": role})
    frame = pd.DataFrame(rows)
    gain = teacher_gain(frame, ("r0", "r1", "r2"), unknown, LOWER)
    assert gain.value == pytest.approx(0.2)
    assert gain_sentence(gain, LOWER).startswith("+0.20 ± 0.05 bits per byte better (3 seeds)")
    lost = gain.model_copy(update={"value": -gain.value, "low": -gain.high, "high": -gain.low})
    assert gain_sentence(lost, LOWER).startswith("-0.20 ± 0.05 bits per byte (worse) (3 seeds)".replace("-", "−"))
    title = gains_title(judged(one_a_method(method_gains(frame, LOWER)), unknown), {"distill": "Soft targets"}, LOWER)
    assert title == "Soft targets beats the same student without KD by +0.20 ± 0.05 bits per byte"


def test_small_differences_are_not_rounded_to_nothing():
    assert LOWER.format_detectable(0.00312) == "0.0031 bits per byte"
    assert Metric(name="accuracy", title="Accuracy", unit="%").format_detectable(1.23) == "1.2 points"
    assert _doubt(Difference(value=0.0, low=-0.002, high=0.002, p_value=1.0, detectable=0.003), LOWER) == (
        " (within error: differences below 0.0030 bits per byte could not be detected)"
    )


def test_a_speed_up_of_less_than_a_tenth_is_no_number_of_times():
    assert [_speed(factor) for factor in (1.0, 1.07, 0.93, 1.1, 2.0)] == [
        ", at the same speed",
        ", at nearly the same speed",
        ", at nearly the same speed",
        ", 1.1 times faster",
        ", 2 times faster",
    ]


@pytest.mark.parametrize("noun", ["accuracy", "bits per byte", "mean IoU", "NDCG@10", "chrF", "macro F1"])
def test_a_title_within_a_sentence_keeps_the_capitals_of_what_is_no_word(noun):
    title = noun if noun == "chrF" else noun[0].upper() + noun[1:]
    assert Metric(name="any", title=title, unit="").noun == noun
