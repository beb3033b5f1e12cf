"""Views that narrow one another: the best percent, ranges of settings, parallel coordinates, and all tasks on one chart."""

import pandas as pd
import pytest

from kdui.charts.all_tasks import all_tasks_figure, savings
from kdui.charts.narrowing import Narrow, narrowed, words
from kdui.charts.parallel import parallel_figure
from kdui.core.metric import ACCURACY, Metric


def model(label, role, headline, settings, download=1.0, **more):
    plain = {"run": label, "label": label, "role": role, "headline": headline, "settings": settings, "download_mb": download}
    return {**plain, "latency_ms": download, "token_ms": None, "speedup": 2.0, "retained": headline, "runs": ("r",), **more}


@pytest.fixture
def models():
    rows = [model("teacher", "teacher", 99.0, {}, 100.0)]
    rows += [
        model(f"s{t}", "student", 90.0 + t, {"distill.temperature": t, "distill.loss": "kl" if t < 3 else "mse"}, t)
        for t in (1, 2, 4, 8)
    ]
    return pd.DataFrame([*rows, model("none", "control", 80.0, {}, 1.0)]).assign(
        role=lambda frame: frame["role"].astype("category")
    )


def labels(frame):
    return frame["label"].tolist()


def test_ranges_and_words_keep_what_has_them_and_the_teacher_stays(models):
    assert labels(narrowed(models, Narrow(only={"distill.temperature": (2, 4)}), ACCURACY)) == ["teacher", "s2", "s4"]
    assert labels(narrowed(models, Narrow(only={"distill.loss": ("kl",)}), ACCURACY)) == ["teacher", "s1", "s2"]
    assert labels(narrowed(models, Narrow(only={"download_mb": (1.0, 1.0)}), ACCURACY)) == ["teacher", "s1", "none"]
    assert narrowed(models, Narrow(), ACCURACY) is models


def test_the_best_percent_follows_the_metrics_direction(models):
    assert labels(narrowed(models, Narrow(best=40), ACCURACY)) == ["teacher", "s4", "s8"]
    assert labels(narrowed(models, Narrow(best=1), ACCURACY)) == ["teacher", "s8"]
    lower = Metric(name="bpb", title="Bits", unit="bits", higher_is_better=False)
    assert labels(narrowed(models, Narrow(best=20), lower)) == ["teacher", "none"]


def test_what_is_kept_is_told_in_words():
    narrow = Narrow(only={"distill.temperature": (2, 4), "distill.loss": ("kl", "mse")})
    assert words(narrow, {"distill.temperature": "T"}) == [
        ("distill.temperature", "T: 2 to 4"),
        ("distill.loss", "distill.loss: kl, mse"),
    ]


def test_parallel_axes_say_what_a_range_on_them_keeps(models):
    settings = ["distill.temperature", "distill.loss"]
    narrow = Narrow(only={"distill.loss": ("mse",)})
    figure = parallel_figure(models, settings=settings, x="download_mb", metric=ACCURACY, narrow=narrow, about="Digits")
    keys = [axis["key"] for axis in figure.layout.meta["axes"]]
    assert keys == [*settings, "download_mb", "headline"]
    loss = figure.data[0].dimensions[1]
    assert list(loss.ticktext) == ["–", "kl", "mse"] and list(loss.values) == [0, 0, 1, 1, -1]
    assert loss.constraintrange[0] < 1 < loss.constraintrange[1]
    assert figure.layout.title.text.endswith("distill temperature 8, distill loss mse")
    assert parallel_figure(models, settings=[], x="download_mb", metric=ACCURACY, narrow=narrow, about="") is None


def test_savings_are_against_the_teacher_of_the_own_run(models):
    own = savings(models.assign(run="r"))
    assert own["smaller"].tolist() == [100.0, 50.0, 25.0, 12.5]
    figure = all_tasks_figure({"Digits": own}, "smaller")
    assert figure.layout.title.text == "On Digits a model keeps 95 % of its teacher, up to 12× smaller"
    assert all_tasks_figure({"Digits": own[:0]}, "faster") is None
