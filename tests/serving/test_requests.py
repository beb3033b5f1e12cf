"""Who may compute beside whom in the serving process, what is made once, and which sessions stay open."""

import queue
import threading

import pytest

from kdui.serving.once_per_key import OncePerKey
from kdui.serving.open_models import SESSION_OVERHEAD_MB, OpenModels
from kdui.serving.requests import Requests, Steps, in_turn
from kdui.store.artifacts import ArtifactStore
from tests.serving.generators import store_classifier, store_generator

SOON = 10.0


class Work:
    """Requests that wait until the test lets them go on."""

    def __init__(self):
        self.go = threading.Event()

    @in_turn
    def compute(self):
        assert self.go.wait(SOON)
        return "computed"

    def look_up(self):
        return "found"

    def count(self):
        yield from range(3)


@pytest.fixture
def said():
    return queue.SimpleQueue()


@pytest.fixture
def requests(said):
    return Requests(Work(), said.put)


def test_what_computes_takes_turns_and_what_looks_up_waits_for_nobody(requests, said):
    for number in (1, 2):
        requests.take({"id": number, "kind": "compute", "values": {}})
    first = said.get(timeout=SOON)
    requests.take({"id": 3, "kind": "look_up", "values": {}})
    assert [said.get(timeout=SOON) for _ in range(2)] == [{"id": 3, "begun": True}, {"id": 3, "result": "found"}]
    requests.take({"id": 4, "kind": "status"})
    assert said.get(timeout=SOON) == {"id": 4, "result": {"running": 2}}
    waiting = 3 - first["id"]
    requests.take({"cancel": waiting})  # it has not begun
    requests.answers.go.set()
    message = [said.get(timeout=SOON) for _ in range(2)]
    assert {"id": first["id"], "result": "computed"} in message and {"id": waiting, "result": None} in message and first["begun"]


def test_a_stream_ends_with_a_message_and_nobody_is_troubled_by_late_ones(requests, said):
    requests.take({"id": 1, "kind": "count", "values": {}})
    message = [said.get(timeout=SOON) for _ in range(5)]
    assert message == [
        {"id": 1, key: value} for key, value in (("begun", True), *(("chunk", n) for n in range(3)), ("result", None))
    ]
    requests.take({"cancel": 1})
    requests.take({"taken": 1, "count": 16})
    requests.take({"id": 2, "kind": "nothing_of_that_name", "values": {}})
    assert "AttributeError" in said.get(timeout=SOON)["error"]


def test_a_reading_of_times_has_the_machine_to_itself():
    steps, events = Steps(), queue.SimpleQueue()

    def read() -> None:
        with steps.none():
            events.put("reading")

    def step() -> None:
        with steps.one():
            events.put("step")

    with steps.one():
        reading = threading.Thread(target=read)
        reading.start()
        while not steps._wanted:
            assert reading.is_alive()
        another = threading.Thread(target=step)
        another.start()
        assert events.empty()  # the reading waits for this step, and the other step for the reading
    for each in (reading, another):
        each.join(SOON)
    assert [events.get_nowait(), events.get_nowait()] == ["reading", "step"]


def test_a_value_is_made_once_and_tried_again_after_it_failed():
    made, go = [], threading.Event()

    def make(key: str) -> str:
        made.append(key)
        assert go.wait(SOON)
        if len(made) == 1:
            raise ValueError(key)
        return key.upper()

    once, collected = OncePerKey(make), queue.SimpleQueue()

    def ask() -> None:
        try:
            collected.put(once("a"))
        except ValueError as error:
            collected.put(str(error))

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for each in asking:
        each.start()
    go.set()
    for each in asking:
        each.join(SOON)
    assert {collected.get_nowait() for _ in range(3)} <= {"a", "A"} and once("a") == "A" and len(made) == 2


def test_a_model_in_use_stays_open_and_others_make_room(settings):
    names = [store_classifier(settings, "12" * 32), *(store_generator(settings, digit * 64) for digit in "345")]
    models = OpenModels(ArtifactStore(settings), memory_mb=2.5 * SESSION_OVERHEAD_MB)
    with models.use(names[0]) as first:
        for name in names[1:]:
            with models.use(name):
                pass
        assert [*models._sessions] == [names[0], names[3]]
        with models.use(names[0]) as again:
            assert again.session is first.session
    with models.use(names[1]):
        assert len(models._sessions) == 2 and names[1] in models._sessions
