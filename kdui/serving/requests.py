"""The requests that run in the serving process: a thread each, and rules for who may compute beside whom.

Streams advance beside everything, but for readings of time, which have the machine to themselves. Of the other requests those
that compute take turns; those that only look something up wait for nobody.
"""

import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from inspect import isgeneratorfunction
from typing import Any, TypeVar

from kdui.core.errors import KduiError, RecipeError
from kdui.serving.connection import AHEAD

MOST_STREAMS = 8  # that run at a time, since each takes memory and a share of the cores
IDLE_SECONDS = 120.0  # that a stream waits for a caller who takes nothing

Work = TypeVar("Work", bound=Callable[..., Any])


def in_turn(work: Work) -> Work:
    """Marks a request that computes: one of them at a time."""
    work.turn = "alone"  # type: ignore[attr-defined]
    return work


def undisturbed(work: Work) -> Work:
    """Marks a request that reads times: one at a time, and no stream advances meanwhile."""
    work.turn = "quiet"  # type: ignore[attr-defined]
    return work


class Request:
    """One request while it runs."""

    def __init__(self, number: int, kind: str, values: Mapping[str, Any]):
        self.number, self.kind, self.values = number, kind, values
        self.cancelled = threading.Event()
        self._room = threading.Semaphore(AHEAD)

    def cancel(self) -> None:
        """Stop before the next piece."""
        self.cancelled.set()
        self._room.release()

    def taken(self, count: int) -> None:
        """The caller took so many chunks."""
        self._room.release(count)

    def may_go_on(self) -> bool:
        """Waits until the caller has taken enough; False once it is cancelled."""
        if not self._room.acquire(timeout=IDLE_SECONDS):
            raise KduiError(f"Nobody read the answer for {IDLE_SECONDS:.0f} s, so it was stopped. Start it again.")
        return not self.cancelled.is_set()


class Requests:
    """``answers`` has a method for each kind of request, a generator for one that streams; ``write`` sends a message."""

    def __init__(self, answers: Any, write: Callable[[Mapping[str, Any]], None]):
        self.answers, self._write = answers, write
        self._lock = threading.Lock()
        self._running: dict[int, Request] = {}
        self._alone = threading.Lock()
        self._steps = Steps()

    def take(self, message: Mapping[str, Any]) -> None:
        """Act on one line of the page's side; returns at once."""
        if (number := message.get("cancel", message.get("taken"))) is not None:
            with self._lock:
                request = self._running.get(number)
            if request is not None:
                request.cancel() if "cancel" in message else request.taken(message["count"])
        elif message["kind"] == "status":
            self._write({"id": message["id"], "result": {"running": len(self._running)}})
        else:
            request = Request(message["id"], message["kind"], message["values"])
            with self._lock:
                self._running[request.number] = request
            threading.Thread(target=self._run, args=(request,), daemon=True, name=request.kind).start()

    def _run(self, request: Request) -> None:
        try:
            work = getattr(self.answers, request.kind)
            last = self._stream(request, work) if isgeneratorfunction(work) else self._answer(request, work)
        except KduiError as error:
            last = {"error": str(error), "recipe": isinstance(error, RecipeError)}
        except Exception as error:
            traceback.print_exc()
            last = {
                "error": f"The serving process failed ({type(error).__name__}: {str(error)[:200]}). "
                "The server's output has the details."
            }
        with self._lock:
            del self._running[request.number]
        self._write({"id": request.number, **last})

    def _answer(self, request: Request, work: Callable[..., Any]) -> dict[str, Any]:
        turn = getattr(work, "turn", "")
        with self._alone if turn else nullcontext(), self._quiet(turn):
            if request.cancelled.is_set():
                return {"result": None}
            self._write({"id": request.number, "begun": True})
            return {"result": work(**request.values)}

    def _quiet(self, turn: str) -> AbstractContextManager[None]:
        return self._steps.none() if turn == "quiet" else nullcontext()

    def _stream(self, request: Request, work: Callable[..., Generator[Any, None, None]]) -> dict[str, Any]:
        self._count_streams()
        self._write({"id": request.number, "begun": True})
        pieces = work(**request.values)
        try:
            while request.may_go_on():
                with self._steps.one():
                    piece = next(pieces, None)
                if piece is None:
                    break
                self._write({"id": request.number, "chunk": piece})
        finally:
            pieces.close()
        return {"result": None}

    def _count_streams(self) -> None:
        with self._lock:
            running = [each for each in self._running.values() if isgeneratorfunction(getattr(self.answers, each.kind, None))]
        if len(running) > MOST_STREAMS:
            raise KduiError(f"{MOST_STREAMS} answers are being generated already. Stop one of them, or wait until one has ended.")


class Steps:
    """Lets any number of streams take a step at a time, or one reading of times go on without any."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._going, self._wanted = 0, 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around one step of a stream."""
        with self._condition:
            self._condition.wait_for(lambda: not self._wanted)
            self._going += 1
        try:
            yield
        finally:
            with self._condition:
                self._going -= 1
                self._condition.notify_all()

    @contextmanager
    def none(self) -> Iterator[None]:
        """Around a reading: waits for steps that have begun, and lets no other begin."""
        with self._condition:
            self._wanted += 1
            self._condition.wait_for(lambda: not self._going)
        try:
            yield
        finally:
            with self._condition:
                self._wanted -= 1
                self._condition.notify_all()
