"""The serving process: it answers, dies, overruns its time, and the page's side says so and continues."""

import json
import os
import signal
import threading
import time

import numpy as np
import psutil
import pytest

from kdui.core.errors import KduiError, ServingError
from kdui.serving.client import ServingClient
from kdui.settings import Settings


@pytest.fixture
def client(settings):
    client = ServingClient(settings)
    yield client
    client.close()


def test_it_answers_and_hands_back_errors_in_words(client):
    shown = client.call("examples", task="digits", n=2, offset=358)
    assert [item["index"] for item in shown] == [358, 0]
    assert np.array(shown[0]["image"]).shape == (8, 8)
    with pytest.raises(KduiError, match="not in the store"):
        client.call("ask", task="digits", digests=["0" * 64], raw=shown[0]["image"])


def test_the_test_split_can_be_sorted_by_how_unlike_the_training_data_it_is(client):
    novelty = client.call("traits", task="digits")["novelty"]
    assert len(novelty) == len(client.call("targets", task="digits")) == 359
    assert 0 < min(novelty) < max(novelty) < 1


def test_a_size_is_counted_without_training(client):
    assert (
        client.call("size", task="digits", ref="cnn-small?width=16")["parameters"]
        > client.call("size", task="digits", ref="cnn-small")["parameters"]
    )


def test_a_killed_process_is_started_again_and_the_page_is_reported(client):
    client.call("warm_up")
    os.kill(client.pid, signal.SIGKILL)
    with pytest.raises(ServingError, match="started again"):
        client.call("warm_up")
    assert client.restarts == 1 and "started again" in client.notice
    assert client.call("warm_up") and client.notice == ""


def test_the_server_stops_at_once_in_the_middle_of_an_answer(client):
    client.call("warm_up")
    pid = client.pid
    os.kill(pid, signal.SIGSTOP)  # an answer that takes for ever
    collected = []

    def ask() -> None:
        try:
            client.call("warm_up")
        except ServingError as error:
            collected.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    while not client.waiting:
        threading.Event().wait(0.01)
    began = time.monotonic()
    client.close()
    asking.join(timeout=60)
    assert time.monotonic() - began < 30 and len(collected) == 1  # a request may take a minute
    assert not psutil.pid_exists(pid)
    with pytest.raises(ServingError, match="The server is stopping"):
        client.call("warm_up")


def test_an_overrun_ends_in_words(settings):
    # To begin takes less than this, what the first model imports takes more than all patience with it.
    client = ServingClient(settings.model_copy(update={"serving_timeout_s": 0.25}))
    client.call("warm_up")
    with pytest.raises(ServingError, match=r"did not respond within"):
        client.call("size", task="digits", ref="cnn-small?width=24")
    client.close()


def test_a_damaged_artifact_is_refused(client, settings: Settings):
    from kdui.store.artifacts import ArtifactStore

    store = ArtifactStore(settings)
    with store.draft("ab" * 32) as draft:
        (draft / "model.onnx").write_bytes(b"graph")
        store.commit(
            draft,
            {
                "digest": "ab" * 32,
                "produces": "onnx",
                "method": "export",
                "operation": "export",
                "settings": {},
                "inputs": {},
                "seconds": 0.0,
                "device": "test",
                "created": "2026-01-01T00:00:00Z",
            },
        )
    (store.place("ab" * 32) / "model.onnx").write_bytes(b"GRAPH")
    with pytest.raises(KduiError, match="does not match its checksum"):
        client.call("ask", task="digits", digests=["ab" * 32], raw=json.loads("[[0]]"))
