"""The page's side of the serving process: one request at a time, a time limit each, a new process when one dies."""

import threading
from typing import Any, NoReturn

from kdui.core.errors import KduiError, RecipeError, ServingError
from kdui.launch.environment import child_environment
from kdui.runtime.json_process import AskedProcess, Unanswered
from kdui.settings import Settings

START_SECONDS = 60.0  # the first answer may wait for imports


class ServingClient:
    """Starts the process at the first request, and again after it died or overran its time."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.restarts = 0
        self._lock = threading.Lock()
        self._process: AskedProcess | None = None
        self._last_failure = ""
        self._closed = False

    @property
    def notice(self) -> str:
        """A sentence for the page when the process had to be started again, else empty."""
        return self._last_failure

    @property
    def pid(self) -> int | None:
        """The process, where there is one."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def call(self, kind: str, **values: Any) -> Any:
        """The answer to one request; raises ServingError in words when there is none, or the process's own KduiError."""
        with self._lock:
            if self._closed:
                raise ServingError("The server is stopping. Try again when it is back.")
            fresh = self._process is None or not self._process.alive
            if self._process is None or fresh:
                self._process = self._started()
            seconds = START_SECONDS if fresh else self.settings.serving_timeout_s
            try:
                answer = self._process.ask({"kind": kind, **values}, seconds)
            except Unanswered as error:
                self._fail(self._words(error.why, seconds))
        if "error" in answer:
            raise (RecipeError if answer.get("recipe") else KduiError)(answer["error"])
        self._last_failure = ""
        return answer["answer"]

    def close(self) -> None:
        """End the process, also in the middle of an answer: whoever waits for it is told at once."""
        self._closed = True
        if (process := self._process) is not None:
            process.stop()
        with self._lock:
            if self._process is not None:
                self._process.stop()
                self._process = None

    def _started(self) -> AskedProcess:
        environment = child_environment(self.settings)
        return AskedProcess("kdui.serving.process", environment=environment, most_mb=self._most_mb)

    @property
    def _most_mb(self) -> float:
        """The models that are kept, once more what they need while they answer, and what a stranger's graph may take."""
        return 2.0 * self.settings.serving_memory_mb + self.settings.graph_memory_mb

    def _words(self, why: str, seconds: float) -> str:
        return {
            "slow": f"The serving process did not respond within {seconds:.0f} s and was started again. "
            "Try a smaller model or a shorter input.",
            "large": f"The serving process needed more than {self._most_mb:,.0f} MB of memory and was started again. "
            "Try a smaller model, or allow more with KDUI_SERVING_MEMORY_MB.",
            "dead": "The serving process died (perhaps out of memory) and was started again. Try again, or compare fewer models.",
        }[why]

    def _fail(self, words: str) -> NoReturn:
        self._process = None  # it has been ended
        self.restarts += 1
        self._last_failure = words
        raise ServingError(words)
