"""Questions to a real server on this machine: one that is slow, breaks off, asks for patience, refuses, or talks nonsense."""

import threading
import time

import pytest

from kdui.core.errors import Cancelled, RecipeError, StageFailed
from kdui.runtime import remote_server
from kdui.runtime.remote_server import Question, RemoteServer, Reply
from tests.runtime.chat_server import KEY, serving, settings_for

QUESTION = Question("You label texts.", "A fine film.", 8)


def ask(server, tmp_path, question=QUESTION, **more):
    remote = RemoteServer("local", "tiny", settings_for(server, tmp_path, **more), first_pause=0.01)
    try:
        return remote.reply(question)
    finally:
        remote.close()


def test_a_reply_is_read_and_the_key_goes_to_the_server_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody: this machine is reached without it
    with serving(lambda handler, body, number: handler.say("B", {"B": -0.1, "A": -2.5})) as server:
        reply = ask(server, tmp_path, QUESTION._replace(top=20))
        ((path, headers, body),) = server.seen
    assert reply == Reply("B", {"B": -0.1, "A": -2.5}, 50, 2)
    assert (path, headers["Authorization"], body["model"]) == ("/v1/chat/completions", f"Bearer {KEY}", "tiny")
    assert [each["content"] for each in body["messages"]] == [QUESTION.system, QUESTION.text]
    assert (body["max_tokens"], body["temperature"], body["logprobs"], body["top_logprobs"]) == (8, 0, True, 20)
    assert KEY not in repr(settings_for(server, tmp_path))


def test_a_server_that_asks_for_patience_gets_it(tmp_path):
    times = []

    def busy_twice(handler, body, number):
        times.append(time.monotonic())
        if number < 2:
            handler.send(b"slow down", status=429, Retry_After="0.3")
        else:
            handler.say("A")

    with serving(busy_twice) as server:
        assert ask(server, tmp_path).text == "A"
    assert len(times) == 3 and min(times[1] - times[0], times[2] - times[1]) >= 0.3


@pytest.mark.parametrize("after, waits", [("0.3", 0.3), ("junk", None), ("", None), ("nan", None), ("-5", 0.0)])
def test_retry_after_is_read_as_seconds(after, waits):
    assert remote_server._retry_after(after) == waits


def test_retry_after_is_read_as_a_date():
    assert remote_server._retry_after("Wed, 01 Jan 2020 00:00:00 GMT") == 0.0
    assert remote_server._retry_after("Fri, 01 Jan 2100 00:00:00 GMT") > 1e6


def test_who_is_to_wait_for_long_is_told_so(tmp_path):
    with (
        serving(lambda handler, body, number: handler.send(b"", status=429, Retry_After="7200")) as server,
        pytest.raises(StageFailed, match=r"tiny at local asks to wait 120 minutes\. Queue the run again after that"),
    ):
        ask(server, tmp_path)


@pytest.mark.parametrize(
    "broken",
    [
        lambda handler: handler.send(b'{"choices": [', length=500),  # ends early
        lambda handler: handler.send(b"<html>"),
        lambda handler: handler.send(b"[" * 100_000),
        lambda handler: handler.send(b'{"choices": []}'),
        lambda handler: handler.send(b'{"choices": [{"message": {"content": 7}}]}'),
        lambda handler: handler.send(b"overloaded", status=503),
    ],
)
def test_a_broken_answer_is_asked_for_again(tmp_path, broken):
    with serving(lambda handler, body, number: handler.say("A") if number else broken(handler)) as server:
        assert ask(server, tmp_path).text == "A"
        assert len(server.seen) == 2


def test_a_server_that_is_too_slow_is_given_up_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(remote_server, "TRIES", 2)
    over = threading.Event()
    with (
        serving(lambda handler, body, number: over.wait(20)) as server,
        pytest.raises(StageFailed, match=r"tiny at local gave no answer within 0\.2 s, 2 times in a row\. Look after the server"),
    ):
        try:
            ask(server, tmp_path, api_timeout_s=0.2)
        finally:
            over.set()


def test_nobody_there(tmp_path, monkeypatch):
    monkeypatch.setattr(remote_server, "TRIES", 2)
    with serving(lambda handler, body, number: None) as server:
        pass
    with pytest.raises(StageFailed, match=r"cannot be reached: no server answers at the address in KDUI_API_SERVERS") as error:
        ask(server, tmp_path)
    assert str(server.server_port) not in str(error.value)


@pytest.mark.parametrize(
    "status, words",
    [(401, "refused the key .* Set KDUI_API_KEYS=local=KEY"), (404, "refused the request with status 404: “no model")],
)
def test_a_refusal_is_told_without_the_key(tmp_path, status, words):
    message = f"no model\n'tiny' for {KEY}".encode()
    with (
        serving(lambda handler, body, number: handler.send(message, status=status)) as server,
        pytest.raises(StageFailed, match=words) as error,
    ):
        ask(server, tmp_path)
    assert KEY not in str(error.value) and len(server.seen) == 1


def test_a_redirect_is_not_followed(tmp_path):
    with (
        serving(lambda handler, body, number: handler.send(b"", status=307, Location="http://127.0.0.1:9/")) as server,
        pytest.raises(StageFailed, match="status 307"),
    ):
        ask(server, tmp_path)


def test_an_endless_answer_is_cut_off(tmp_path):
    with (
        serving(lambda handler, body, number: handler.send(b"x" * 2_000_000)) as server,
        pytest.raises(StageFailed, match="sent more than 1,048,576 bytes"),
    ):
        ask(server, tmp_path)


def test_the_rate_is_kept(tmp_path):
    with serving(lambda handler, body, number: handler.say("A")) as server:
        remote = RemoteServer("local", "tiny", settings_for(server, tmp_path, api_per_minute=600))
        began = time.monotonic()
        for _ in range(4):
            remote.reply(QUESTION)
        remote.close()
    assert time.monotonic() - began >= 0.3


def test_whoever_waits_can_be_stopped(tmp_path):
    with serving(lambda handler, body, number: handler.send(b"", status=429, Retry_After="60")) as server:
        remote = RemoteServer("local", "tiny", settings_for(server, tmp_path))
        ended = []

        def wait():
            try:
                remote.reply(QUESTION)
            except Cancelled as error:
                ended.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not server.seen:
            time.sleep(0.005)
        remote.stop()
        waiting.join(timeout=60)
        remote.close()
    assert len(ended) == 1


def test_an_unknown_server_and_one_on_the_network_are_refused(tmp_path):
    from kdui.settings import Settings

    with pytest.raises(RecipeError, match=r"KDUI_API_SERVERS does not name\. It is not set\."):
        RemoteServer("ollama", "tiny", Settings(home=tmp_path))
    there = Settings(home=tmp_path, offline=True, api_servers="far=https://api.example.org/v1 near=http://[::1]:8000/v1")
    with pytest.raises(RecipeError, match="KDUI_OFFLINE forbids"):
        RemoteServer("far", "tiny", there)
    RemoteServer("near", "tiny", there).close()
