"""The charts of one run: titles state the finding, colours are the roles', and what is drawn is what was measured."""

import pandas as pd
import pytest

from kdui.charts import style
from kdui.charts.evidence.distribution_shift import distribution_shift_figure, traits_of
from kdui.charts.evidence.flips import comparison_words, flips_figure
from kdui.charts.evidence.harm import harm_figure, harm_title
from kdui.charts.evidence.kernels import fallback_lines, kernels_figure
from kdui.charts.evidence.language import language_figure, measures_of
from kdui.charts.evidence.latency_sweep import sweep_figure, sweeps_of, swept
from kdui.charts.evidence.out_of_domain import out_of_domain_figure
from kdui.charts.evidence.reliability import reliability_figure
from kdui.charts.evidence.robustness import corruptions_of, curves, robustness_figure
from kdui.charts.evidence.runtimes import lines as runtime_lines
from kdui.charts.evidence.runtimes import measured as measured_in_both
from kdui.charts.evidence.runtimes import runtimes_figure, runtimes_title
from kdui.charts.evidence.slices import judged, slices_figure, slices_lines
from kdui.charts.evidence_chart import Look
from kdui.charts.side_by_side import models_of, subject, teacher_of
from kdui.core.metric import ACCURACY
from tests.charts import evidence_frames as frames


def test_models_keep_their_roles_colour_and_a_dash_each():
    rows = pd.DataFrame([frames.TEACHER, frames.SMALL, {**frames.SMALL, "step": "measure.prune", "label": "pruned"}])
    models = models_of(rows)
    assert [model.colour for model in models] == [style.COLOURS[role] for role in ("teacher", "compressed", "compressed")]
    assert [model.dash for model in models] == ["solid", "solid", "dash"]
    assert subject(models).label == "pruned" and teacher_of(models).label == "The teacher"


def test_harm_names_the_class_that_lost_most():
    rows = frames.classes()
    figure = harm_figure(rows[rows["role"] == "compressed"], about="Digits")
    assert (
        figure.layout.title.text == "Student · int8 loses most on “shirt”: −8.2 points of recall; recall falls for 2 of 3 classes"
    )
    assert list(figure.layout.yaxis.ticktext) == ["bag", "coat", "shirt"]  # the worst on top
    assert list(figure.data[0].x) == [0.5, -1.0, -8.25] and figure.data[0].marker.color == style.COLOURS["compressed"]
    unharmed = rows[rows["role"] == "student"].assign(recall_change=0.0)
    assert "loses no class" in harm_title(unharmed)


def test_slices_that_lose_more_than_the_threshold_are_told_from_chance():
    own = frames.slices().query("role == 'compressed'")
    rows = judged(own, 2.0)
    assert rows["of"].tolist() == ["shirt", "5", "coat", "bag"]  # the largest loss first
    assert rows["change"].tolist() == pytest.approx([-28.0, -10.0, -100 * 5 / 110, 100 / 90])
    assert rows["verdict"].tolist() == ["harmed", "maybe", "maybe", "within"]
    figure = slices_figure(own, threshold=2.0, about="Reuters")
    assert figure.layout.title.text == "Student · int8 loses more than 2 points on 1 of 4 slices, most on “shirt”"
    assert list(figure.layout.yaxis.ticktext)[-1] == "shirt" and figure.layout.shapes[0].x0 == -2.0
    assert figure.data[0].name == "harmed: loses more than 2" and figure.data[0].x == (-28.0,)
    assert judged(own, 30.0)["verdict"].tolist() == ["within"] * 4
    assert "on no slice" in slices_figure(own, threshold=30.0, about="").layout.title.text
    assert "though on 1 it may" in slices_figure(own, threshold=25.0, about="").layout.title.text
    look = Look("Reuters", ACCURACY, "measure.quantize", 2.0)
    first, *rest = slices_lines(frames.slices(), look)
    assert first.startswith("“shirt”: −28.0 points on 100 test examples, 95 % interval −38.") and first.endswith(", harmed")
    assert rest[0].startswith("Length, fifth 5: −10.0 points on 20 test examples") and rest[0].endswith("may be chance")


def test_flips_tell_how_often_and_which_way():
    figure = flips_figure(frames.comparisons(), about="Digits")
    assert figure.layout.title.text == ("Student · int8: 4.5 % of the predictions differ from the teacher's, 2.2 % for the worse")
    assert figure.data[0].name == "wrong where the teacher is right"
    assert [sum(bar.x[at] for bar in figure.data) for at in (0, 1)] == pytest.approx([3.0, 4.5])
    words = [comparison_words(row) for _, row in frames.comparisons().iterrows()]
    assert "McNemar p < 0.001)" in words[0] and "p = 0.878, no difference shown" in words[1]


def test_reliability_title_names_the_over_confident_model():
    figure = reliability_figure(frames.bins(), about="Digits")
    message = "Student · int8 is over-confident: calibration error 9.0 % (teacher 2.0 %)"
    assert figure.layout.title.text == message
    assert figure.data[0].name == "Perfect calibration" and figure.data[2].name == "Student · int8, ECE 9.0 %"
    shy = frames.bins().assign(accuracy=lambda rows: rows["confidence"] + 0.04)
    assert "under-confident" in reliability_figure(shy, about="").layout.title.text


def test_robustness_by_corruption_and_on_average():
    rows = frames.robustness()
    assert corruptions_of(rows) == ["noise", "word_drop"]
    mean = curves(rows)
    assert mean.loc[mean["role"] == "compressed", "value"].tolist() == [96, 90, 84, 78, 72, 66]
    figure = robustness_figure(rows, about="Digits", metric=ACCURACY)
    assert (
        figure.layout.title.text
        == "At the highest severity Student · int8 falls from 96.0 to 66.0 %, its teacher from 98.0 to 68.0 %"
    )
    assert "mean of noise, word drop" in figure.layout.title.subtitle.text and figure.data[0].error_y.array is None
    one = robustness_figure(rows, corruption="noise", about="Digits", metric=ACCURACY)
    assert list(one.data[1].y) == [96, 92, 88, 84, 80, 76] and list(one.data[1].error_y.array) == [3.0] * 6


def test_the_out_of_domain_title_names_the_largest_drop():
    figure = out_of_domain_figure(frames.elsewhere(), about="Film reviews", metric=ACCURACY)
    assert figure.layout.title.text == "On tweets Student · int8 falls from 96.0 to 72.0 %, its teacher from 98.0 to 86.0 %"
    assert list(figure.layout.xaxis.ticktext)[1] == "Tweets<br>n = 300"
    assert list(figure.data[1].y) == [96, 72, 78] and list(figure.data[1].error_y.array) == [2.0] * 3
    assert figure.data[0].x[0] < 0 < figure.data[1].x[0]  # beside each other
    alone = figure.data[2]
    assert alone.name == "majority class" and list(alone.y)[3:6] == [68, 68, None]
    earlier = out_of_domain_figure(frames.elsewhere().assign(majority=None), about="Film reviews", metric=ACCURACY)
    assert len(earlier.data) == 2  # measured before shares were counted


def test_shift_title_states_how_the_gap_to_the_teacher_changes():
    rows = frames.shift()
    assert traits_of(rows) == ["novelty", "length"]
    figure = distribution_shift_figure(rows, about="Digits")
    title = "Student · int8: the gap to its teacher grows on unusual inputs (+5.0 → +17.0 points)"
    assert figure.layout.title.text == title
    assert list(figure.data[1].y) == [92, 88, 84, 80, 76] and list(figure.data[1].error_y.arrayminus) == [3.0] * 5
    alone = rows[rows["role"] == "compressed"]
    assert "accuracy on unusual inputs 76.0 %" in distribution_shift_figure(alone, about="").layout.title.text
    level = distribution_shift_figure(rows.assign(value=90.0), about="").layout.title.text
    assert level.endswith("does not change on unusual inputs (0.0 → 0.0 points)")
    mixed = distribution_shift_figure(rows.assign(value=rows["value"].where(rows["fifth"] > 1, 90.0)), about="").layout.title.text
    assert mixed.endswith("grows on unusual inputs (0.0 → +17.0 points)")


def test_the_sweep_is_reported_by_example_and_by_length():
    rows = frames.sweep()
    assert sweeps_of(rows) == ["batch"] and sweeps_of(pd.DataFrame()) == []
    figure = sweep_figure(rows, about="Digits")
    assert figure.layout.title.text == "In batches of 32 Student · int8 takes 44.2 µs an example, 4 times faster than the teacher"
    assert len(figure.data) == 4 and sum(trace.showlegend for trace in figure.data) == 2
    whole = rows[rows["role"] != "teacher"].assign(
        step="distill", role="student", label="Student", value=lambda own: own["value"] / 2
    )
    title = sweep_figure(pd.concat([rows, whole]), about="Digits").layout.title.text
    assert title == "In batches of 32 Student · int8 takes 44.2 µs an example, 2 times slower than Student before compression"
    texts = frames.sweep((64, 16, 96))
    assert sweeps_of(texts) == ["batch", "tokens"]
    assert sorted(set(swept(texts, "tokens")["tokens"])) == [16, 64, 96] and set(swept(texts)["tokens"]) == {64}
    assert sweep_figure(texts, by="tokens", about="").layout.title.text.startswith("At 96 tokens Student · int8 takes 0.375 ms")


def test_kernels_tell_the_share_of_work_and_of_time():
    figure = kernels_figure(frames.kernels(), about="Digits")
    assert (
        figure.layout.title.text
        == "Student · int8: 99 % of the MACs run in ≤ 8 bits, but 40 % of the time goes to float and conversions"
    )
    assert [bar.name for bar in figure.data] == ["int8", "fp32"] and list(figure.data[1].x) == [100.0, 40.0]
    assert fallback_lines(frames.kernels()) == ["Student · int8: 2 × Softmax: no int8 kernel for Softmax"]
    floats = frames.kernels().head(1)
    assert "All kernels run in float" in kernels_figure(floats, about="").layout.title.text


def test_language_models_are_set_beside_each_other_by_one_measure():
    rows = frames.language()
    assert [name for name, _ in measures_of(rows)] == ["teacher_agreement", "repetition"]
    figure = language_figure(rows, name="teacher_agreement", about="Books")
    assert figure.layout.title.text == "Top-1 agreement with the teacher: Student · int8 58.0 %, The student 61.0 %"
    assert "64 test texts" in figure.layout.title.subtitle.text and list(figure.data[0].x) == [61.0]
    least = language_figure(rows, name="repetition", about="Books")
    assert least.layout.title.text.endswith("Student · int8 30.0 %, The teacher 10.0 %")  # fewer are better
    assert least.layout.xaxis.title.text == "Repeated 4-grams in generated text, %, lower is better"


def test_runtimes_name_the_faster_one_only_where_the_interval_leaves_out_1():
    whole = frames.runtimes()
    shown = measured_in_both(whole)
    figure = runtimes_figure(shown, about="Digits")
    assert figure.layout.title.text == "OpenVINO runs Student · int8 alone 2 times as fast as ONNX Runtime"
    assert [list(bar.x) for bar in figure.data] == [[0.5], [2.0]]
    assert "in batches of 32 2 times" in runtimes_title(shown.assign(batch=32))
    assert runtimes_title(shown.head(1)) == "ONNX Runtime is the faster runtime: OpenVINO takes at least 2 times as long"
    unsure = shown.assign(low=0.9, high=1.1)
    assert runtimes_title(unsure) == "No runtime is clearly faster than ONNX Runtime here"
    sentences = runtime_lines(whole)
    assert "the same predictions on 100.0 % of 256 test examples" in sentences[0]
    assert sentences[2] == "Student · int4, OpenVINO: OpenVINO does not take this graph."
