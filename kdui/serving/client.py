"""The page's side of the serving process: many requests at a time, each with its limit, and a new process when one dies."""

import contextlib
import threading
from collections.abc import Generator
from typing import Any

from kdui.core.errors import KduiError, RecipeError, ServingError
from kdui.launch.environment import child_environment
from kdui.runtime.json_process import Unanswered, Why
from kdui.serving.connection import Connection, Message, NotBegun
from kdui.settings import Settings


class Bystander(ServingError):
    """The process was ended for what another request did."""


class ServingClient:
    """Starts the process at the first request, and again after it died or overran its limits."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.restarts = 0
        self._lock = threading.Lock()  # of the fields below; never held while anybody waits for an answer
        self._connection: Connection | None = None
        self._last_failure = ""
        self._closed = False

    @property
    def notice(self) -> str:
        """A sentence for the page when the process had to be started again, else empty."""
        return self._last_failure

    @property
    def pid(self) -> int | None:
        """The process, where there is one."""
        connection = self._connection
        return connection.pid if connection is not None and connection.alive else None

    @property
    def waiting(self) -> int:
        """How many requests wait for an answer."""
        connection = self._connection
        return connection.waiting if connection is not None else 0

    def call(self, kind: str, **values: Any) -> Any:
        """The answer to one request; raises ServingError in words when there is none, or the process's own KduiError.

        One that only waited beside a request that overran its limits is asked again, once.
        """
        try:
            return self._answer(kind, values)
        except Bystander:
            return self._answer(kind, values)

    def _answer(self, kind: str, values: dict[str, Any]) -> Any:
        with contextlib.closing(self._messages(kind, values)) as messages:
            return next(messages)["result"]

    def stream(self, kind: str, stop: threading.Event | None = None, **values: Any) -> Generator[Any, None, None]:
        """The pieces of an answer as they come; raises as ``call``. Closing it stops the work in the process.

        ``stop``: ends it as well, where another thread than the one that reads it has to.
        """
        with contextlib.closing(self._messages(kind, values, stop)) as messages:
            for message in messages:
                if "chunk" in message:
                    yield message["chunk"]

    def close(self) -> None:
        """End the process, also in the middle of an answer: whoever waits for it is told at once."""
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.stop()

    def _messages(self, kind: str, values: dict[str, Any], stop: threading.Event | None = None) -> Generator[Message, None, None]:
        connection = self._connected()
        try:
            with contextlib.closing(connection.request(kind, values, self.settings.serving_timeout_s, stop)) as messages:
                for message in messages:
                    if "error" in message:
                        raise (RecipeError if message.get("recipe") else KduiError)(message["error"])
                    if connection is self._connection:  # what a dead one had sent before does not end the notice
                        self._last_failure = ""
                    yield message
        except Unanswered as error:
            raise self._failed(connection, error.why, isinstance(error, NotBegun)) from None

    def _connected(self) -> Connection:
        with self._lock:
            if self._closed:
                raise ServingError("The server is stopping. Try again when it is back.")
            if self._connection is None or not self._connection.alive:
                self._connection = Connection(child_environment(self.settings), self._most_mb)
            return self._connection

    @property
    def _most_mb(self) -> float:
        """The models that are kept, once more what they need while they answer, and what a stranger's graph may take."""
        return 2.0 * self.settings.serving_memory_mb + self.settings.graph_memory_mb

    def _failed(self, connection: Connection, why: Why, only_waited: bool) -> ServingError:
        """End a process that failed, so that the next request starts another; who only waited beside learns of it too."""
        with self._lock:
            if self._closed:
                return ServingError("The server is stopping. Try again when it is back.")
            if connection.ended_because:
                return (ServingError if connection.died else Bystander)(connection.ended_because)
            connection.died = why == "dead"
            connection.ended_because = (
                self._words(why)
                if connection.died
                else "Another request overran its limits, so the serving process was started again. Try again."
            )
            if self._connection is connection:
                self._connection = None
            self.restarts += 1
            self._last_failure = self._words(why)
        connection.stop()
        return (Bystander if only_waited else ServingError)(self._words(why))

    def _words(self, why: Why) -> str:
        return {
            "slow": f"The serving process did not respond within {self.settings.serving_timeout_s:.0f} s and was started again. "
            "Try a smaller model or a shorter input.",
            "large": f"The serving process needed more than {self._most_mb:,.0f} MB of memory and was started again. "
            "Try a smaller model, or allow more with KDUI_SERVING_MEMORY_MB.",
            "dead": "The serving process died (perhaps out of memory) and was started again. Try again, or compare fewer models.",
        }[why]
