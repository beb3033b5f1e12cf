"""The class by itself: who may join, what is counted and when, whose turn it is, and every limit."""

from dataclasses import replace

import pytest

from kdui.core.errors import UnknownName
from kdui.workbench.classroom.board import AT_ONCE, MOST_RUNS, MOST_WAITING, Knobs, recipe_of
from kdui.workbench.classroom.participants import MOST, MOST_CHANGES, MOST_JOINING, Refused, TooOften
from kdui.workbench.classroom.room import LETTERS, WRONG_CODE, Room
from kdui.workbench.workbench import Workbench


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


class NoModels:
    """Nothing to run in a browser yet."""

    runtime = False

    def offered(self):
        return []

    def classes(self):
        return list("0123456789")


class Written:
    """Runs that end when a test says so."""

    def __init__(self):
        self.submitted, self.ended = [], set()

    def submit(self, recipe, nickname):
        self.submitted.append(nickname)
        return f"run-{len(self.submitted)}"

    def outcome(self, point):
        return replace(point, state="succeeded", accuracy=90.0, kilobytes=3.0) if point.run in self.ended else point


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def room(clock):
    room = Room(Written(), NoModels(), clock)
    room.open()
    return room


def tokens(room, *nicknames):
    return [room.join(room.code, nickname)["token"] for nickname in nicknames]


def test_only_the_code_of_an_open_class_lets_in(clock):
    room = Room(Written(), NoModels(), clock)
    with pytest.raises(Refused, match="no class"):
        room.join("", "Ada")
    room.open()
    code = room.code
    room.open()
    assert room.code == code and set(code) <= set(LETTERS)
    with pytest.raises(Refused, match="no class"):
        room.join("0" + code[1:], "Ada")
    token = room.join(f" {code.lower()} ", "Ada")["token"]
    room.close()
    with pytest.raises(Refused, match="not in this class"):
        room.look(token)
    assert room.lecturer() == {"open": False} and WRONG_CODE


@pytest.mark.parametrize("nickname", ["", "   ", "x" * 21, "<b>", "a\u202eb", "...", "a/b"])
def test_a_nickname_that_cannot_be_used_is_refused(room, nickname):
    with pytest.raises(Refused, match="nickname"):
        room.join(room.code, nickname)


def test_nicknames_are_one_persons_and_a_browser_is_one_participant(room):
    (token,) = tokens(room, "Zoë  O'Neil")
    assert room.look(token)["nickname"] == "Zoë O'Neil"
    with pytest.raises(Refused, match="called"):
        room.join(room.code, "zoë o'neil")
    assert room.join(room.code, "Another", token) == {"token": token, "nickname": "Zoë O'Neil"}
    assert room.lecturer()["people"] == ["Zoë O'Neil"]


def test_participants_and_their_changes_are_bounded(room, clock):
    for number in range(MOST):
        clock.now += 0 if number % MOST_JOINING else 10
        token = room.join(room.code, f"Nr {number}")["token"]
    with pytest.raises(Refused, match="full"):
        room.join(room.code, "one more")
    room.show("question", "temperature")
    for _ in range(MOST_CHANGES):
        room.answer(token, "temperature", 0)
    with pytest.raises(TooOften):
        room.answer(token, "temperature", 1)
    clock.now += 10
    room.answer(token, "temperature", 1)


def test_joining_is_bounded_in_time(room, clock):
    tokens(room, *(f"Nr {number}" for number in range(MOST_JOINING)))
    with pytest.raises(TooOften):
        room.join(room.code, "too soon")


def test_predictions_are_one_a_browser_and_hidden_until_they_are_revealed(room):
    ada, bob = tokens(room, "Ada", "Bob")
    room.show("question", "temperature")
    room.answer(ada, "temperature", 0)
    room.answer(ada, "temperature", 1)
    room.answer(bob, "temperature", 1)
    for message in (room.lecturer()["question"], room.look(ada)["question"]):
        assert message["total"] == 2 and message["counts"] is None and "right" not in message
    assert room.look(bob)["question"]["own"] == 1
    room.reveal()
    assert room.lecturer()["question"]["counts"][:2] == [0, 2] and "right" in room.look(bob)["question"]
    with pytest.raises(Refused, match="closed"):
        room.answer(bob, "temperature", 0)
    room.clear()
    assert room.look(bob)["question"] | {"ask": "", "choices": [], "texts": {}} == {
        **{
            "lesson": "temperature",
            "ask": "",
            "choices": [],
            "texts": {},
            "total": 0,
            "revealed": False,
            "counts": None,
            "own": None,
        }
    }
    with pytest.raises(Refused, match="no such choice"):
        room.answer(bob, "temperature", 9)
    room.show("board")
    with pytest.raises(Refused, match="not asked"):
        room.answer(bob, "temperature", 0)
    with pytest.raises(UnknownName):
        room.show("question", "nothing")


def test_turns_go_round_and_a_latecomer_waits_for_one_turn(room):
    ada, bob = tokens(room, "Ada", "Bob")
    room.show("board")
    for token in (ada, ada, ada, bob, bob):
        room.wish(token, Knobs())
    submitted = room.runner.submitted
    assert room.look(ada)["board"]["waiting"] == 3 and submitted == ["Ada", "Bob"] and len(submitted) == AT_ONCE
    room.wish(tokens(room, "Cy")[0], Knobs())
    for number in range(1, 7):
        room.runner.ended.add(f"run-{number}")
        room.lecturer()
    assert submitted == ["Ada", "Bob", "Cy", "Ada", "Bob", "Ada"]
    assert [point["accuracy"] for point in room.look(ada)["board"]["points"]] == [90.0] * 6


def test_a_participants_wishes_are_bounded_and_the_board_can_be_frozen_and_cleared(room, clock):
    (ada,) = tokens(room, "Ada")
    room.show("board")
    room.freeze(True)
    with pytest.raises(Refused, match="frozen"):
        room.wish(ada, Knobs())
    room.freeze(False)
    for number in range(MOST_RUNS):
        room.wish(ada, Knobs(bits=4))
        room.lecturer()
        room.runner.ended.add(f"run-{number + 1}")
        room.lecturer()
    clock.now += 10
    with pytest.raises(Refused, match="what each participant may"):
        room.wish(ada, Knobs())
    room.clear()
    for _ in range(MOST_WAITING):
        room.wish(ada, Knobs())
    with pytest.raises(Refused, match="waiting already"):
        room.wish(ada, Knobs())
    first, *rest = room.board.waiting
    room.withdraw(ada, first.number)
    assert room.board.waiting == rest


@pytest.mark.parametrize("bits", [32, 8, 2])
def test_what_a_participant_can_turn_is_a_recipe_that_can_be_queued(bits, settings):
    recipe = recipe_of(Knobs(student="cnn-tiny?width=2", bits=bits), "Zoë O'Neil")
    assert recipe.name == "Class · Zoë O'Neil" and recipe.stages[-1].name == "measure"
    Workbench(settings).check(recipe)


def test_latencies_are_one_a_browser(room):
    ada, bob = tokens(room, "Ada", "Bob")
    room.show("drawing")
    room.timed(ada, 5.0, "7")
    room.timed(bob, 0.5, "7")
    room.timed(ada, 2.0, "1")
    message = room.look(ada)["drawing"]
    assert {key: message[key] for key in ("ms", "labels", "own")} == {"ms": [0.5, 2.0], "labels": {"1": 1, "7": 1}, "own": 2.0}
    assert message["runtime"] is False and message["models"] == []
    with pytest.raises(Refused, match="no model"):
        room.model(ada)
    with pytest.raises(Refused, match="cannot be run"):
        room.choose("0" * 64)
    for wrong in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(Refused, match="no latency"):
            room.timed(ada, wrong, "7")
