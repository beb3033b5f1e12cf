"""A remote teacher writes texts from the beginnings of a person's own, and a small language model learns them."""

import json

import pytest

from kdui.catalogue.tasks import own_task
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.methods.distill.sequence.requested import SYSTEM, joined, question
from kdui.methods.teach.teach.remote_writer import TRIAL
from tests.methods.distill.test_text_methods import OTHER_WORDS, WRITING
from tests.runtime.chat_server import RemoteBench, serving
from tests.tasks.test_own_corpus import diary

DRAWING = {"temperature": 0.7, "top_p": 0.9, "seed": 3}


def test_a_beginning_ends_at_a_word_and_no_more_is_written_than_the_text_had():
    text = "one two three four five"
    request = question(text, {"prompt": 0.3, "new_tokens": 64}, DRAWING)
    assert (request.text, request.tokens, request.temperature, request.seed) == ("one two", 6, 0.7, 3)
    assert question(text, {"prompt": 0.3, "new_tokens": 4}, DRAWING).tokens == 4
    assert question(text, {"prompt": 0.0, "new_tokens": 4}, DRAWING).text == "one"


def test_what_was_written_joins_its_beginning_once_and_in_measure():
    assert joined("one two", " three.\n", 100) == "one two three."
    assert joined("one two", "one two three", 100) == "one two three"
    assert joined("one two", ", three", 100) == "one two, three"
    assert joined("one two", "three four", 11) == "one two thr"
    assert joined("one two", " \n", 100) == joined("one two", "one two", 100) == ""


def test_a_student_learns_what_a_server_wrote_and_nothing_is_asked_twice(tmp_path):
    def answer(handler, body, number):
        handler.say("" if number == 3 else "and then the sun rose over the quiet harbour.")

    with serving(answer) as server:
        bench = RemoteBench(server, tmp_path)
        (tmp_path / "diary.txt").write_text(diary(0, 400))
        task = own_task(f"own-corpus:{tmp_path}/diary.txt", bench.settings)
        recipe = {"task": task, "teacher": "api:local?model=tiny", "student": OTHER_WORDS}
        plan = {**recipe, "stages": [{"sequence": {**WRITING, "written": 0.5}}]}
        run = bench.run(plan)
        assert run.state is RunState.SUCCEEDED, run.error
        assert len(server.seen) == 13 and server.seen[0][2]["messages"][1]["content"] == TRIAL.text
        assert {body["messages"][0]["content"] for _, _, body in server.seen[1:]} == {SYSTEM}
        written = json.loads((bench.folder(run, "sequence.texts") / "written.json").read_bytes())
        assert len(written) == 11 and all(text.endswith(" and then the sun rose over the quiet harbour.") for _, text in written)
        assert any("tiny at local wrote 11 of 12 texts" in line for line in bench.said(run))
        assert any("12 requests, about" in line for line in bench.said(run))
        for stage, words in (
            ({"universal": {"epochs": 1}}, "provides predictions only"),
            ({"on_policy": {"epochs": 1}}, "provides predictions only|same tokens"),
            ({"distill": {"epochs": 1}}, "or a method that bridges tokenizers"),
        ):
            with pytest.raises(RecipeError, match=words):
                bench.plan({**recipe, "stages": [stage]})
        with pytest.raises(RecipeError, match="'examples' is for labels, but here the model continues texts"):
            bench.plan({**plan, "teacher": "api:local?model=tiny&examples=5"})
