"""A teacher behind a server: what it is asked, how strictly its answers are read, and what students make of them."""

import json
import math
import threading

import numpy as np
import pytest

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.methods.teach.teach.estimate import warnings
from kdui.methods.teach.teach.labelling import labelling, parsed, shares
from kdui.runtime.kept_answers import KeptAnswers
from kdui.training.labels import Labels
from kdui.workbench.estimate import warnings as all_warnings
from tests.engine.digits import Bench
from tests.runtime.chat_server import KEY, RemoteBench, serving

pytestmark = pytest.mark.usefixtures("few_examples")

FEW = 60
SENTIMENT = TASKS["sentiment"]
COUNT = 160
TEACHER = f"api:local?model=tiny&examples={COUNT}"
RECIPE = {
    "task": "sentiment",
    "teacher": TEACHER,
    "student": "pooled-64-trim",
    "stages": [{"teacher_labels": {"epochs": 1, "train_examples": COUNT, "control": False}}],
}
HOW = labelling(SENTIMENT, "Say whether the reviewer liked the film.")


@pytest.fixture(scope="module")
def truth(shared_cache, tmp_path_factory):
    """The mark of each training text's true label."""
    train = load_task("sentiment", Bench(tmp_path_factory.mktemp("truth")).settings)[1]["train"]
    return {text: "AB"[target] for text, target in zip(train.inputs[:COUNT], train.targets[:COUNT], strict=True)}


@pytest.mark.parametrize(
    "said, place",
    [
        *(("A", 0), (" b.\n", 1), ("**B**", 1), ("Positive", 1), ("'negative'", 0), ("B) Positive", 1), ("A: negative.", 0)),
        *(
            ("A) Positive", None),
            ("C", None),
            ("", None),
            ("A or B", None),
            ("Sure! The label is A", None),
            ("not positive", None),
        ),
    ],
)
def test_an_answer_is_read_strictly(said, place):
    assert parsed(said, HOW) == place


def test_the_question_names_a_line_a_label():
    assert "Say whether the reviewer liked the film.\nThe labels are:\nA) Negative\nB) Positive\n" in HOW.system
    assert SENTIMENT.summary in labelling(SENTIMENT, "").system


def test_probabilities_of_the_first_token_are_put_together_by_label():
    first = {"A": math.log(0.5), " a": math.log(0.1), "B": math.log(0.2), "The": math.log(0.2), "C": -math.inf}
    assert shares(first, HOW) == pytest.approx([0.75, 0.25])
    assert shares({"The": -0.1}, HOW) is None


def test_what_is_kept_survives_a_line_that_broke_off(tmp_path):
    with KeptAnswers(tmp_path, {"model": "tiny"}) as kept:
        kept.add("one", {"text": "A"})
    (file,) = (tmp_path / "answers").iterdir()
    file.write_text(file.read_text() + '["half', encoding="utf-8")
    with KeptAnswers(tmp_path, {"model": "tiny"}) as kept:
        assert "one" in kept and "two" not in kept
        kept.add("two", {"text": "B"})
    with KeptAnswers(tmp_path, {"model": "tiny"}) as kept:
        assert (kept["one"], kept["two"]) == ({"text": "A"}, {"text": "B"})
    with KeptAnswers(tmp_path, {"model": "other"}) as kept:
        assert "one" not in kept


def test_labels_are_drawn_among_those_that_were_answered():
    labels = Labels(np.arange(6), np.array([0, 2, 3, 5])).among(np.array([1, 2, 5]))
    assert labels.drawn.tolist() == [2, 5] and len(labels.targets) == 6


def test_the_cost_is_told_before_the_start():
    recipe = Recipe.model_validate(RECIPE)
    sentences = all_warnings(recipe, {"teacher_labels": {"soft_weight": 1}}, None, None)
    assert sentences[0].startswith(f"tiny at local gets at most {COUNT} requests, with about ")
    assert warnings({"epochs": 1}, recipe)[1].startswith("The teacher is a black box")


def test_an_interrupted_run_goes_on_where_it_was_and_a_student_learns_the_labels(tmp_path, truth, monkeypatch):
    monkeypatch.setattr("kdui.runtime.remote_server.TRIES", 1)
    monkeypatch.setattr("kdui.runtime.remote_server.FIRST_PAUSE", 0.01)
    down, chatty = threading.Event(), list(truth)[::10]

    def answer(handler, body, number):
        text = body["messages"][1]["content"]
        if number >= 100 and not down.is_set():
            handler.send(b"", status=503)
        else:
            handler.say("As a film lover, I would say B" if text in chatty else truth[text])

    with serving(answer) as server:
        bench = RemoteBench(server, tmp_path)
        broken = bench.run(RECIPE)
        assert broken.state is RunState.FAILED
        assert "tiny at local answered with status 503" in broken.error and "queue the run again" in broken.error
        kept = next(line for line in bench.said(broken) if "are kept" in line)
        before, failed = int(kept.split()[0]), len(server.seen)
        assert 90 <= before <= 100
        down.set()
        run = bench.run(RECIPE)
        assert run.state is RunState.SUCCEEDED, run.error
        request = {body["messages"][1]["content"] for _, _, body in server.seen}
        assert len(server.seen) - failed == len(truth) - before and request == set(truth)
    summary = bench.summary(run, "teacher")
    assert (summary["unanswered"], summary["train_accuracy"]) == (len(chatty), 1.0)
    assert summary["read"] == 50 * summary["requests"]
    usable = np.load(bench.folder(run, "teacher") / "answered.npy")
    assert [text for text, known in zip(truth, usable, strict=True) if not known] == chatty
    assert any(f"{len(chatty)} answers named no label" in line for line in bench.said(run))
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in everything and f":{server.server_port}/".encode() not in everything


def told(tmp_path, answer, teacher=TEACHER):
    with serving(answer) as server:
        run = RemoteBench(server, tmp_path).run({**RECIPE, "teacher": teacher})
    return run, len(server.seen)


def test_a_model_that_makes_labels_up_is_given_up_early(tmp_path):
    run, requests = told(tmp_path, lambda handler, body, number: handler.say("Wonderful <b>label</b>"))
    assert run.state is RunState.FAILED and requests < COUNT
    assert "32 of 32 answers of tiny at local name no label of the task, e.g. “Wonderful <b>label</b>”" in run.error


def test_soft_labels_come_from_log_probabilities_where_the_server_gives_them(tmp_path, truth):
    run, requests = told(tmp_path / "none", lambda handler, body, number: handler.say("A"), f"{TEACHER}&probabilities=true")
    assert "gives no log-probabilities. Leave 'probabilities=true' out" in run.error and requests < COUNT


def test_what_cannot_be_asked_is_refused_before_it_is_queued(tmp_path):
    with serving(lambda handler, body, number: None) as server:
        bench = RemoteBench(server, tmp_path)
        for recipe, words in (
            ({**RECIPE, "teacher": "api:local"}, "names no model. Write api:local?model=NAME"),
            ({**RECIPE, "teacher": "api:other?model=x"}, "It names local"),
            ({**RECIPE, "task": "digits", "student": "cnn-small"}, "takes text, but Digits"),
            ({**RECIPE, "student": TEACHER}, "is a black box and cannot be trained"),
        ):
            with pytest.raises(RecipeError, match=words.replace("?", r"\?")):
                bench.plan(recipe)
        plan = bench.plan(RECIPE)
        assert "127.0.0.1" not in json.dumps([step.model_dump(mode="json") for step in plan])
