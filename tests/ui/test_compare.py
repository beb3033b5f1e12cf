"""What the Compare tab asks and shows."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from kdui.core.answers import Ranked, RankedLabel
from kdui.core.errors import ServingError
from kdui.core.page_rows import Answer
from kdui.ui import compare_view
from kdui.ui.compare import CompareCalls, default_models
from kdui.ui.panel import answered
from kdui.workbench.stored_rows import distinguishing_settings
from tests.ui.stocked import StockedWorkbench, measured


@pytest.fixture
def bench(settings):
    bench = StockedWorkbench(settings)
    bench.stock(bits=4)
    return bench


@pytest.fixture
def calls(bench):
    return CompareCalls(bench)


MODELS = ["teach-0", "distill-0", "quantize-0-4"]


def test_it_begins_with_teacher_student_and_smallest_compressed_of_the_newest_run(bench, calls):
    start = calls.compare_start({})
    assert (start["task"], start["modality"], start["models"]) == ("digits", "image", MODELS)
    assert len(start["pickers"]) == 4 and start["pickers"][3].startswith('<option value="">none')
    assert start["cards"].count("<section") == 3 and start["others"][0]["title"] == "Teacher · The teacher"
    assert default_models(bench.servable("digits")) == MODELS


def test_wished_models_are_kept_and_unknown_ones_left_out(calls):
    assert calls.compare_start({"task": "digits", "models": "distill-0,gone,distill-0,teach-0"})["models"] == [
        "distill-0",
        "teach-0",
    ]


def test_a_task_without_models_suggests_what_to_do(calls):
    assert "No model of this task can be tried yet" in calls.compare_start({"task": "reuters-r8"})["empty"]


def test_pixels_reach_the_models_as_grey_levels(bench, calls):
    answer = calls.compare_ask({"task": "digits", "models": MODELS, "pixels": [[0, 255], [12, 300]], "truth": "7"})
    assert np.array_equal(bench.asked[0], np.array([[0, 255], [12, 255]], dtype=np.uint8))
    assert answer["cards"].count("<section") == 3 and "91 %" in answer["cards"] and "&lt; 1 %" in answer["cards"]
    assert "just now 1.6\u202fms" in answer["cards"] and "measured, n = 359" in answer["cards"]
    assert "All agree: 7. The truth is 7." in answer["agreement"]


def test_a_drawing_reaches_the_models_as_an_image(bench, calls):
    buffer = io.BytesIO()
    Image.new("L", (20, 10), 200).save(buffer, "PNG")
    picture = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    calls.compare_ask({"task": "digits", "models": MODELS[:1], "picture": picture})
    assert bench.asked[0].size == (20, 10)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"picture": "data:image/png;base64,AAAA"}, "not an image"),
        ({"picture": "no base64!"}, "not an image"),
        ({"pixels": [[1, 2], [3]]}, "differ in length"),
        ({}, "no input yet"),
        ({"models": []}, "models"),
    ],
)
def test_bad_input_is_refused_in_words(calls, question, words):
    assert words in answered(calls.compare_ask)({"task": "digits", "models": MODELS, **question})["error"]


def test_a_restarted_serving_process_is_reported(bench, calls, monkeypatch):
    def fail(*_):
        raise ServingError("The model took longer than 30 s, so its process was started again. Try a smaller model.")

    monkeypatch.setattr(bench, "ask", fail)
    assert "started again" in answered(calls.compare_ask)({"task": "digits", "models": MODELS, "text": "x"})["error"]


def test_agreement_counts_votes(bench):
    known = {model.digest: model for model in bench.servable("digits")}

    def said(digest: str, label: str) -> Answer:
        return Answer(
            digest=digest,
            parts=(Ranked(rows=(RankedLabel(label=label, probability=0.9),)),),
            latency_ms=measured("latency_p50", 1, "ms"),
            file_bytes=1,
        )

    says = [said(digest, label) for digest, label in zip(MODELS, ("crude", "crude", "trade"), strict=True)]
    assert compare_view.agreement(says, known) == "2 of 3 predict crude; Compressed · compressed 4-bit: trade."
    assert compare_view.agreement(says[::2], known).startswith("No two agree: Teacher · The teacher: crude;")
    assert compare_view.agreement(says[:2], known, "ship") == "All agree: crude. The truth is ship."
    assert "note" in compare_view.agreement_html(says[:2], known, "ship") and "win" in compare_view.agreement_html(
        says[:2], known, "crude"
    )


def test_a_task_of_parts_is_answered_part_by_part(bench):
    known = {model.digest: model for model in bench.servable("digits")}

    def said(digest: str, review: str) -> Answer:
        rows = (("trade", "Topics"), (review, "Reviews"), ("crude", "Topics"))
        return Answer(
            digest=digest,
            parts=(Ranked(rows=tuple(RankedLabel(label=label, probability=0.5, part=part) for label, part in rows)),),
            latency_ms=measured("latency_p50", 1, "ms"),
            file_bytes=1,
        )

    alike = [said(digest, "good") for digest in MODELS[:2]]
    assert compare_view.agreement(alike, known, "good") == "All agree: trade and good. The truth is good."
    assert "win" in compare_view.agreement_html(alike, known, "good")
    assert "note" in compare_view.agreement_html(alike, known, "bad")
    apart = [alike[0], said(MODELS[1], "bad")]
    assert compare_view.agreement(apart, known).startswith("No two agree:")


def test_examples_can_be_picked_and_turned_over(calls):
    first = calls.compare_examples({"task": "digits"})
    assert first["html"].count("data-pixels") == 12 and first["next"] == 12 and "data:image/png;base64," in first["html"]
    assert calls.compare_examples({"task": "digits", "offset": 12})["next"] == 24


def test_models_of_one_name_are_distinguished_by_what_differs(bench, calls):
    bench.stock(bits=4, seed=1)
    (options, *_) = calls.compare_start({"task": "digits"})["pickers"]
    assert options.count("<optgroup") == 2 and options.count("Digits · ") == 2
    assert "Student · The student · seed 1 · 96.8" in options and "Student · The student · seed 0 · 96.8" in options
    settings = {"a": {"distill.temperature": 4.0, "seed": 0}, "b": {"distill.temperature": 6, "seed": 0}, "c": {"seed": 0}}
    assert distinguishing_settings(settings) == {"a": "temperature 4", "b": "temperature 6", "c": ""}


def test_disagreements_name_both_models_and_mark_right_and_wrong(calls):
    html = calls.compare_parted({"task": "digits", "first": "teach-0", "other": "distill-0"})["html"]
    assert "Disagreements: 33 of 359 test images" in html and "<b>7</b> predicted as <b>1</b> · 31" in html
    assert "97 %" in html and "55 %" in html and "and 30 more" in html and "2 rarer confusions are not shown" in html
    assert (
        "There is no model called 'x'" in answered(calls.compare_parted)({"task": "digits", "first": "x", "other": "y"})["error"]
    )
