"""One serving process as the page's side holds it: who waits for which of its lines, and how long it may be silent.

A request ``{"id", "kind", "values"}`` is answered by ``{"id", "begun"}``, then any number of ``{"id", "chunk"}``, and at last
``{"id", "result"}`` or ``{"id", "error"}``. ``{"cancel": id}`` stops it; ``{"taken": id, "count"}`` says how many chunks its
caller took, so that the process does not run far ahead of a slow one.
"""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Generator, Mapping
from itertools import count
from typing import Any

from kdui.runtime.json_process import LOOK_SECONDS, LineProcess, Unanswered
from kdui.runtime.processor_wait import waited_seconds

AHEAD = 32  # chunks that a stream may be ahead of its caller
START_SECONDS = 60.0  # the first answer may wait for imports
PATIENCE = 4.0  # limits that a process is given at the most while others have the processor

Message = dict[str, Any]


class NotBegun(Unanswered):
    """The process was silent for too long before it turned to this request: another one may be why."""


class Connection:
    """Starts the process; it is ended by ``stop``, or with the last reference to this object."""

    def __init__(self, environment: Mapping[str, str], most_mb: float):
        self.ended_because = ""  # in words, set by who ended it
        self.died = False  # by itself: then anybody's request may be why
        self._numbers = count(1)
        self._writing = threading.Lock()
        self._looked = time.monotonic()  # at the process's memory
        self._waiting = Waiting()
        self._process = LineProcess(
            "kdui.serving.process", environment=environment, most_mb=most_mb, receive=self._waiting.receive
        )

    @property
    def alive(self) -> bool:
        return self._process.alive

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def waiting(self) -> int:
        """How many requests wait for an answer."""
        return self._waiting.count

    def stop(self) -> None:
        """End the process: every caller is told at once."""
        self._process.stop()

    def request(
        self, kind: str, values: Mapping[str, Any], seconds: float, stop: threading.Event | None = None
    ) -> Generator[Message, None, None]:
        """Its messages until the last one, each within so many seconds; raises Unanswered.

        Closed early, or once ``stop`` is set, it is cancelled.
        """
        number = next(self._numbers)
        lines = self._waiting.enter(number)
        finished = False
        try:
            self._send({"id": number, "kind": kind, "values": values}, seconds)
            taken, begun = 0, False
            while not finished:
                message = self._next(lines, seconds, begun, stop)
                if message is None:
                    return
                if "begun" in message:
                    begun = True
                    continue
                finished = "chunk" not in message
                yield message
                taken += 1
                if not finished and taken % (AHEAD // 2) == 0:
                    self._send({"taken": number, "count": AHEAD // 2}, seconds)
        finally:
            self._waiting.leave(number)
            if not finished:
                with contextlib.suppress(Unanswered):
                    self._send({"cancel": number}, seconds)

    def _send(self, message: Mapping[str, Any], seconds: float) -> None:
        if not self._writing.acquire(timeout=seconds):  # it does not read what another thread writes
            raise Unanswered("slow")
        try:
            self._process.write(message)
        finally:
            self._writing.release()

    def _next(
        self, lines: "queue.SimpleQueue[Message | None]", seconds: float, begun: bool, stop: threading.Event | None
    ) -> Message | None:
        """The next message, None once it is to stop. Before a request's work began any line of the process is a sign of life."""
        seconds = seconds if self._waiting.answered else max(seconds, START_SECONDS)
        since, waited = time.monotonic(), waited_seconds(self.pid)
        while stop is None or not stop.is_set():
            self._watch_memory()
            try:
                message = lines.get(timeout=min(LOOK_SECONDS, seconds))
            except queue.Empty:
                silent = time.monotonic() - (since if begun else max(since, self._waiting.heard))
                # It yields to trainings: what it was not given of the processor is not counted against it.
                if silent >= seconds and silent >= min(PATIENCE * seconds, seconds + waited_seconds(self.pid) - waited):
                    raise (Unanswered if begun else NotBegun)("slow") from None
                continue
            if message is None:
                raise Unanswered("dead")
            return message
        return None

    def _watch_memory(self) -> None:
        """Look now and then, also while a stream never lets its caller wait."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._process.check_memory()


class Waiting:
    """The queues of those who wait; filled by the thread that reads the process's lines."""

    def __init__(self) -> None:
        self.heard = time.monotonic()  # when the last line came
        self.answered = False  # whether any request was: until then the process may be importing
        self._lock = threading.Lock()
        self._ended = False
        self._queues: dict[int, queue.SimpleQueue[Message | None]] = {}

    @property
    def count(self) -> int:
        return len(self._queues)

    def enter(self, number: int) -> "queue.SimpleQueue[Message | None]":
        """Where this request's messages will be; None among them says that no more come."""
        found: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        with self._lock:
            self._queues[number] = found
            if self._ended:
                found.put(None)
        return found

    def leave(self, number: int) -> None:
        with self._lock:
            self._queues.pop(number, None)

    def receive(self, line: str | None) -> None:
        """Hand a line to the one who waits for it; the end to everybody."""
        with self._lock:
            if line is None:
                self._ended = True
                for waiting in self._queues.values():
                    waiting.put(None)
                return
            message: Message = json.loads(line)
            self.heard = time.monotonic()
            self.answered = self.answered or "begun" not in message
            if (waits := self._queues.get(message.pop("id"))) is not None:
                waits.put(message)
