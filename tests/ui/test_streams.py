"""Streamed answers over a real connection of the real page: they come live, stop with their reader, and are guarded."""

import http.client
import json
import time

import pytest

from kdui.settings import Settings
from tests.ui.served import launched
from tests.ui.writers import MODEL, OTHER, WithWriters

PATH = "/kdui-streams/text"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = WithWriters(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def page(bench):
    with launched(bench) as page:
        yield page


def ask(page, body, method="POST", **headers):
    """The open connection and its answer, whose body has not been read."""
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=60)
    given = {"Content-Type": "application/json", "Accept-Encoding": "br, gzip", **headers}
    connection.request(method, PATH, json.dumps(body), given)
    return connection, connection.getresponse()


def lines(page, body):
    connection, answer = ask(page, body)
    assert answer.status == 200 and answer.getheader("content-type").startswith("application/x-ndjson")
    decoded = [json.loads(line) for line in answer]
    connection.close()
    return decoded


def text(found, model):
    tokens = [token for line in found if line["model"] == model for token in line["part"].get("tokens", ())]
    return "".join(token["text"] for token in tokens)


def wait_until_idle(bench):
    deadline = time.monotonic() + 60
    while bench.serving.call("status")["running"] or bench.serving.waiting:
        assert time.monotonic() < deadline, "a stream still runs"


def test_a_ballot_hides_which_model_writes_and_how_fast(page, bench):
    ballot = bench.voting.open("writing", [MODEL, OTHER], {"text": "three"}, "one")
    result = lines(page, {"ballot": ballot.id, "prompt": "three", "sampling": {"limit": 2}})
    wanted = {MODEL: " four <b>five</b>", OTHER: " two one"}
    assert {side: text(result, side) for side in "AB"} == {"A": wanted[ballot.a], "B": wanted[ballot.b]}
    assert {line["model"] for line in result} == {"A", "B"} and not any("seconds" in line["part"] for line in result)
    for body, words in (({"ballot": "none"}, "no ballot"), ({"ballot": "x", "reference": MODEL}, "teacher"), ({}, "ballot")):
        connection, answer = ask(page, {"prompt": "three", **body})
        assert answer.status == 422 and words in json.loads(answer.read())["error"]
        connection.close()


def test_several_models_answer_one_prompt_side_by_side(page):
    result = lines(page, {"models": [MODEL, OTHER], "prompt": "three", "sampling": {"limit": 2}, "reference": MODEL})
    assert text(result, MODEL) == " four <b>five</b>" and text(result, OTHER) == " two one"
    assert {line["part"]["kind"] for line in result} == {"text"}
    assert [line["model"] for line in result if line["part"].get("ended") == "limit"].count(MODEL) == 1
    tokens = [token for line in result for token in line["part"].get("tokens", ()) if line["model"] == OTHER]
    assert [token["agrees"] for token in tokens] == [False, False] and 0 < tokens[0]["reference"] < tokens[0]["probability"] < 1


def test_pieces_come_while_the_rest_is_not_there_yet_and_stop_with_the_reader(page, bench):
    connection, answer = ask(page, {"models": [MODEL, OTHER], "prompt": "zero", "sampling": {"limit": 4000}})
    first = [json.loads(answer.readline()) for _ in range(6)]
    assert {line["model"] for line in first} <= {MODEL, OTHER}
    assert bench.serving.call("status")["running"] > 0  # in the middle
    answer.close()
    connection.close()  # as a tab that is closed, or the stop button
    wait_until_idle(bench)


def test_what_a_model_cannot_do_is_told_beside_the_others(page):
    result = lines(page, {"models": [MODEL, "0" * 64], "prompt": "two", "sampling": {"limit": 1}})
    assert text([line for line in result if "part" in line], MODEL) == " three"
    (problem,) = [line for line in result if "error" in line]
    assert problem["model"] == "0" * 64 and "not in the store" in problem["error"]
    (empty,) = lines(page, {"models": [MODEL], "prompt": ""})
    assert "prompt is empty" in empty["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "Send one JSON object"),
        ({"models": [], "prompt": "x"}, "models"),
        ({"models": [MODEL] * 5, "prompt": "x"}, "models"),
        ({"models": ["../../etc"], "prompt": "x"}, "models"),
        ({"models": [MODEL]}, "prompt"),
        ({"models": [MODEL], "prompt": "x", "sampling": {"top_p": 0}}, "top_p"),
        ({"models": [MODEL], "prompt": "x", "sampling": {"stop": [""]}}, "stop"),
        ({"models": [MODEL], "prompt": "x", "kind": "scan"}, "kind"),
    ],
)
def test_a_malformed_question_is_refused_in_words(page, body, words):
    connection, answer = ask(page, body)
    assert answer.status == 422 and words in json.loads(answer.read())["error"]
    connection.close()


def test_it_is_guarded_like_every_route(page, bench):
    request = {"models": [MODEL], "prompt": "two"}
    for status, method, headers in (
        (403, "POST", {"Origin": "http://evil.example"}),
        (403, "POST", {"Host": "evil.example"}),
        (403, "POST", {"Sec-Fetch-Site": "cross-site"}),
        (415, "POST", {"Content-Type": "text/plain"}),
        (405, "GET", {}),
    ):
        connection, answer = ask(page, request, method, **headers)
        assert answer.status == status
        connection.close()
    with launched(bench, auth=("owner", "right")) as locked:
        connection, answer = ask(locked, request)
        assert answer.status == 401
        connection.close()
    wait_until_idle(bench)
