"""The class that is open on this server: its code, who is in it, what they are shown, and what came of it.

All of it lives in memory and ends with the server or when the class is closed, but for the runs, which are in the store. Whoever
knows the code may join; the code says nothing about the page's password and opens nothing but what stands here.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from kdui.catalogue.languages import languages
from kdui.catalogue.lessons import Lesson, lesson
from kdui.workbench.classroom.board import Board, Knobs, Runner
from kdui.workbench.classroom.browser_students import BrowserStudent, BrowserStudents
from kdui.workbench.classroom.latencies import Latencies
from kdui.workbench.classroom.participants import Participants, Refused
from kdui.workbench.classroom.votes import Votes

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that is taken for another
CODE_LENGTH = 6  # 887 million codes, and wrong ones are counted
WRONG_CODE = "There is no class with this code at the moment. Look at the lecturer's screen."
Activity = Literal["wait", "question", "board", "drawing"]


class Room:
    """Every call is whole under one lock: requests come in many threads."""

    def __init__(self, runner: Runner, students: BrowserStudents, clock: Callable[[], float] = time.monotonic):
        self.runner, self.students, self._clock = runner, students, clock
        self._lock = threading.RLock()
        self.code = ""
        self._forget()

    def _forget(self) -> None:
        self.activity: Activity = "wait"
        self.lesson = ""
        self.people = Participants(self._clock)
        self.votes: dict[str, Votes] = {}
        self.board = Board(self.runner)
        self.latencies = Latencies()
        self.offered: list[BrowserStudent] = []
        self.student = ""

    # --- the lecturer ------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Let people join; the code stays while the class is open."""
        with self._lock:
            self.code = self.code or "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))

    def close(self) -> None:
        """Nobody is in it any more, and what they answered is gone."""
        with self._lock:
            self.code = ""
            self._forget()

    def show(self, activity: Activity, name: str = "") -> None:
        """What participants see from now on; a question is that of a lesson. Raises UnknownName."""
        with self._lock:
            if activity == "question":
                self.votes.setdefault(name, Votes(len(lesson(name).question.choices)))
                self.lesson = name
            elif activity == "drawing":
                self.offered = self.students.offered()
                if self.student not in [each.digest for each in self.offered]:
                    self.student = self.offered[0].digest if self.offered else ""
            self.activity = activity

    def choose(self, digest: str) -> None:
        """Which of the offered models participants run; what an earlier one took is gone."""
        with self._lock:
            if digest not in [each.digest for each in self.offered]:
                raise Refused("This model cannot be run in a browser. Choose another one.")
            self.student = digest
            self.latencies.clear()

    def reveal(self) -> None:
        """Count the predictions on the question that is shown."""
        with self._lock:
            self._shown().revealed = True

    def clear(self) -> None:
        """Empty what is shown: predictions, the board, or latencies."""
        with self._lock:
            if self.activity == "question":
                self._shown().clear()
            elif self.activity == "board":
                self.board.clear()
            elif self.activity == "drawing":
                self.latencies.clear()

    def freeze(self, frozen: bool) -> None:
        """Take no more runs and start none that wait, or go on."""
        with self._lock:
            self.board.frozen = frozen

    def lecturer(self) -> dict[str, Any]:
        """All that the lecturer's page shows."""
        with self._lock:
            if not self.code:
                return {"open": False}
            told = {"open": True, "code": self.code, "activity": self.activity, "people": self.people.nicknames()}
            return {**told, **self._activity(own=None)}

    # --- participants ------------------------------------------------------------------------------------------

    def is_code(self, code: str) -> bool:
        """Whether somebody may join with it."""
        return bool(self.code) and secrets.compare_digest(code.strip().upper().encode(), self.code.encode())

    def join(self, code: str, nickname: str, token: str = "") -> dict[str, Any]:
        """Who the browser is from now on; raises Refused in words."""
        with self._lock:
            if not self.is_code(code):
                raise Refused(WRONG_CODE)
            token, joined = self.people.join(nickname, token)
            return {"token": token, "nickname": joined.nickname}

    def look(self, token: str) -> dict[str, Any]:
        """What the participant's page shows; raises Refused for somebody who has not joined this class."""
        with self._lock:
            told = {"nickname": self.people.of(token).nickname, "activity": self.activity}
            return {**told, **self._activity(own=token)}

    def answer(self, token: str, name: str, choice: int) -> None:
        """A prediction on the question that is shown."""
        with self._lock:
            self.people.changing(token)
            if self.activity != "question" or name != self.lesson:
                raise Refused("This question is not asked any more.")
            self._shown().give(token, choice)

    def wish(self, token: str, knobs: Knobs) -> None:
        """Queue a run on the board."""
        with self._lock:
            mine = self.people.changing(token)
            self._must_be("board")
            self.board.wish(mine.nickname, knobs)

    def withdraw(self, token: str, number: int) -> None:
        """Take back a wish that waits."""
        with self._lock:
            self.board.withdraw(self.people.changing(token).nickname, number)

    def timed(self, token: str, ms: float, label: str) -> None:
        """What a prediction on the participant's own processor took."""
        with self._lock:
            self.people.changing(token)
            self._must_be("drawing")
            self.latencies.add(token, ms, label)

    def model(self, token: str) -> bytes:
        """The file of the model that the class runs."""
        with self._lock:
            self.people.changing(token)
            self._must_be("drawing")
            digest = self.student
        if not digest:
            raise Refused("There is no model to run yet. The lecturer has to train a student on digits first.")
        return self.students.file(digest)

    # --- both --------------------------------------------------------------------------------------------------

    def _must_be(self, activity: Activity) -> None:
        if self.activity != activity:
            raise Refused("The class is doing something else now.")

    def _shown(self) -> Votes:
        self._must_be("question")
        return self.votes[self.lesson]

    def _activity(self, own: str | None) -> dict[str, Any]:
        if self.activity == "question":
            return {"question": _question(lesson(self.lesson), self._shown(), own)}
        if self.activity == "board":
            self.board.advance()
            return {"board": self._board(None if own is None else self.people.of(own).nickname)}
        if self.activity == "drawing":
            return {"drawing": self._drawing(own)}
        return {}

    def _drawing(self, own: str | None) -> dict[str, Any]:
        models = [each for each in self.offered if own is None or each.digest == self.student]
        told = {"runtime": self.students.runtime, "student": self.student, "models": [each._asdict() for each in models]}
        return {**told, "classes": self.students.classes(), **self.latencies.told(own)}

    def _board(self, nickname: str | None) -> dict[str, Any]:
        board = self.board
        points = [
            {
                "nickname": point.wish.nickname,
                "words": point.wish.knobs.words,
                "state": point.state,
                "accuracy": point.accuracy,
                "mark": point.mark,
                "kilobytes": point.kilobytes,
                "run": point.run if nickname is None else "",
            }
            for point in board.points
        ]
        mine = [{"number": wish.number, "words": wish.knobs.words} for wish in board.waiting if wish.nickname == nickname]
        return {"frozen": board.frozen, "points": points, "waiting": len(board.waiting), "mine": mine}


def _texts(found: Lesson) -> dict[str, Any]:
    return {"ask": found.question.ask, "choices": list(found.question.choices)}


def _question(found: Lesson, votes: Votes, own: str | None) -> dict[str, Any]:
    """The question with its count; the right choice only once it is revealed."""
    texts = {code: _texts(lesson(found.name, code)) for code in languages()}  # each browser takes its own
    told = {"lesson": found.name, **_texts(found), "texts": texts, **votes.told()}
    if votes.revealed:
        told["right"] = found.question.right
    return told if own is None else {**told, "own": votes.of(own)}
