"""Requests of one serving process beside each other: streams, short ones, cancellations, slow callers, a death in the middle."""

import os
import signal
import threading
import time
from itertools import islice

import numpy as np
import pytest

from kdui.core.answers import read_parts
from kdui.core.chat import ChatFormat
from kdui.core.errors import KduiError, ServingError
from kdui.runtime.json_process import PROGRAM_MB
from kdui.serving.client import ServingClient
from kdui.serving.connection import AHEAD
from kdui.serving.requests import MOST_STREAMS
from tests.serving.generators import CONTEXT, END, WORDS, circle, store_classifier, store_generator

MODEL, OTHER, CLASSIFIER = "ab" * 32, "cd" * 32, "34" * 32
LONG = {"limit": 400}


@pytest.fixture(scope="module")
def stocked(tmp_path_factory, shared_cache):
    from kdui.settings import Settings

    home = tmp_path_factory.mktemp("home")
    (home / "cache").symlink_to(shared_cache, target_is_directory=True)
    settings = Settings(home=home, quickstart=False)
    store_generator(settings, MODEL)
    store_classifier(settings, CLASSIFIER)
    store_generator(settings, OTHER, table=circle().T)
    store_generator(settings, "ef" * 32, words=(*WORDS[:-1], "stop"))
    return settings


@pytest.fixture(scope="module")
def shared(stocked):
    client = ServingClient(stocked)
    yield client
    client.close()


@pytest.fixture
def client(shared):
    """The shared client; each test must leave nothing running behind it."""
    yield shared
    wait_until_idle(shared)


def wait_until_idle(client):
    deadline = time.monotonic() + 60
    while client.call("status")["running"]:
        assert time.monotonic() < deadline, "a request still runs"
    assert client.waiting == 0


def stream(client, prompt="zero", digest=MODEL, sampling=LONG, **others):
    return client.stream("tokens", digest=digest, prompt=prompt, sampling=sampling, **others)


def parts(client, *given, **named):
    return read_parts(stream(client, *given, **named))


def text(found):
    return "".join(part.text for part in found)


def test_a_chat_model_answers_a_message_by_its_template_and_stops_where_its_answers_end(client, stocked):
    answer = ChatFormat(template="{{ messages[0].content }} {{ eos_token }} one", tokens={"eos_token": "six"}, ends=("six",))
    store_generator(stocked, "c4" * 32, chat=answer)
    found = parts(client, "four", digest="c4" * 32, chat=True)
    assert text(found) == " two three four <b>five</b>" and found[-1].ended == "end token"
    assert text(parts(client, "four", digest="c4" * 32)) == " <b>five</b>"  # the same end of a text that is continued
    with pytest.raises(KduiError, match=r"has no chat template\. Switch it off"):
        parts(client, "four", chat=True)
    store_generator(stocked, "c5" * 32, chat=ChatFormat(template="{{ raise_exception('users alone') }}"))
    with pytest.raises(KduiError, match="chat template failed: users alone"):
        parts(client, "four", digest="c5" * 32, chat=True)


def test_text_comes_token_by_token_and_says_why_it_ends(client):
    pieces = parts(client, "two", sampling={"limit": 3})
    assert [part.text for part in pieces] == [" three", " four", " <b>five</b>", ""]
    assert [part.ended for part in pieces] == [None, None, None, "limit"]
    assert pieces[0].tokens[0].probability == pytest.approx(np.exp(9) / (np.exp(9) + len(WORDS) - 1))
    sampled = {"temperature": 8.0, "seed": 1, "limit": 300}
    first, again, other = (text(parts(client, sampling={**sampled, "seed": seed})) for seed in (1, 1, 2))
    assert first == again != other
    assert "end" not in first and parts(client, sampling=sampled)[-1].ended == "end token"


@pytest.mark.parametrize(("stop", "expected"), [(["four"], " two three "), (["ee f", "six"], " two thr"), (["nothing"], None)])
def test_a_stop_text_ends_the_answer_before_it(client, stop, expected):
    pieces = parts(client, "one", sampling={"limit": 5, "stop": stop})
    assert text(pieces) == (expected or " two three four <b>five</b> six")
    assert pieces[-1].ended == ("stop" if expected else "limit")


def test_a_reference_tells_where_it_would_have_gone_on_otherwise(client):
    pieces = parts(client, "two", sampling={"limit": 2}, reference=OTHER)
    assert [token.agrees for part in pieces for token in part.tokens] == [False, False]
    assert all(token.agrees for part in parts(client, "two", sampling={"limit": 2}, reference=MODEL) for token in part.tokens)
    with pytest.raises(KduiError, match="different tokenizers"):
        parts(client, "two", reference="ef" * 32)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "prompt is empty"),
        (" \n", "prompt is empty"),
        ("one " * 100_000, f"This prompt has 100,000 tokens; the model takes {CONTEXT:,} with its answer"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(client, prompt, words):
    with pytest.raises(KduiError, match=words):
        parts(client, prompt)


def test_an_answer_ends_where_the_context_is_full(client):
    pieces = parts(client, "one " * (CONTEXT - 3))
    assert len(pieces) == 4 and pieces[-1].ended == "limit"


def test_a_stream_that_is_closed_leaves_nothing_running(client):
    answer = stream(client)
    assert len(list(islice(answer, 3))) == 3
    assert client.call("status") == {"running": 1}
    answer.close()
    wait_until_idle(client)
    unread = stream(client)
    next(unread)
    del unread  # as a page that went away
    wait_until_idle(client)


def test_a_short_request_is_answered_while_streams_run(client):
    running = [stream(client), stream(client, digest=OTHER)]
    for each in running:
        next(each)
    picture = np.zeros((8, 8, 1), int)
    picture[0, 7] = 255
    (answer,) = client.call("ask", task="digits", digests=[CLASSIFIER], raw=picture.tolist())
    (ranked,) = read_parts(answer["parts"])
    assert ranked.best == ("7",) and len(answer["samples"]) > 1
    with pytest.raises(KduiError, match="not in the store"):
        client.call("ask", task="digits", digests=["0" * 64], raw=[[0]])
    with pytest.raises(KduiError, match="generates no text"):
        next(stream(client, digest=CLASSIFIER))
    assert client.call("status") == {"running": 2}
    texts = [text(read_parts(each)) for each in running]
    assert [len(each.split()) for each in texts] == [LONG["limit"] - 1] * 2 and texts[0] != texts[1]


def test_a_slow_caller_gets_every_token_and_the_process_does_not_run_ahead(client):
    answer = stream(client, sampling={"limit": 10 * AHEAD})
    result = [next(answer)]
    connection = client._connection
    (lines,) = connection._waiting._queues.values()
    deadline = time.monotonic() + 60
    while lines.qsize() < AHEAD - 1:
        assert time.monotonic() < deadline
    assert parts(client, sampling={"limit": 2})[-1].ended == "limit"  # another caller does not wait for it
    assert lines.qsize() == AHEAD - 1
    result += answer
    assert len(text(read_parts(result)).split()) == 10 * AHEAD


def test_many_streams_at_a_time_are_refused_in_words(client):
    running = [stream(client) for _ in range(MOST_STREAMS)]
    for each in running:
        next(each)
    with pytest.raises(KduiError, match="are being generated already"):
        next(stream(client))
    for each in running:
        each.close()


def test_a_process_killed_in_the_middle_is_told_to_every_caller_and_started_again(stocked):
    client = ServingClient(stocked)
    answers = [stream(client) for _ in range(2)]
    for each in answers:
        next(each)
    os.kill(client.pid, signal.SIGKILL)
    for each in answers:
        with pytest.raises(ServingError, match=r"died .* was started again"):
            list(each)
    assert client.restarts == 1 and "started again" in client.notice
    assert parts(client, sampling={"limit": 1})[-1].ended == "limit"
    assert client.restarts == 1 and client.notice == ""
    client.close()


def test_memory_is_watched_while_tokens_never_fail_to_come(stocked):
    client = ServingClient(stocked)
    answer = stream(client)
    next(answer)
    connection = client._connection
    (lines,) = connection._waiting._queues.values()
    deadline = time.monotonic() + 60
    while lines.qsize() < AHEAD - 1:
        assert time.monotonic() < deadline
    connection._process._most_mb, connection._looked = -PROGRAM_MB, 0.0  # as if it took more than it may
    with pytest.raises(ServingError, match="needed more than"):
        next(answer)
    assert client.restarts == 1 and client.pid is None
    client.close()


def test_silence_between_two_tokens_has_a_limit_and_who_waits_beside_is_answered_by_the_next_process(stocked):
    client = ServingClient(stocked.model_copy(update={"serving_timeout_s": 0.5}))
    answer = stream(client)
    next(answer)
    os.kill(client.pid, signal.SIGSTOP)
    collected = []

    def ask() -> None:
        collected.append(client.call("targets", task="digits"))

    beside = [threading.Thread(target=ask) for _ in range(2)]
    for each in beside:
        each.start()
    with pytest.raises(ServingError, match="started again"):
        list(answer)
    for each in beside:
        each.join(timeout=60)
    assert len(collected) == 2 and collected[0] == collected[1] and client.restarts == 1
    client.close()


def test_a_token_is_never_an_end(stocked, client):
    table = np.zeros((len(WORDS), len(WORDS)), np.float32)
    table[:, END] = 9.0
    digest = store_generator(stocked, "12" * 32, table=table)
    pieces = parts(client, "one", digest=digest)
    assert [part.ended for part in pieces] == ["end token"] and text(pieces) == ""
