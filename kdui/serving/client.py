"""The page's side of the serving process: one request at a time, a time limit each, a new process when one dies."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

from kdui.core.errors import KduiError, RecipeError, ServingError
from kdui.launch.local import environment_of
from kdui.settings import Settings

START_SECONDS = 60.0  # the first answer may wait for imports


class ServingClient:
    """Starts the process at the first request, and again after it died or overran its time."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.restarts = 0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._last_failure = ""

    @property
    def notice(self) -> str:
        """A sentence for the page when the process had to be started again, else empty."""
        return self._last_failure

    def call(self, kind: str, **values: Any) -> Any:
        """The answer to one request; raises ServingError in words when there is none, or the process's own KduiError."""
        with self._lock:
            fresh = self._ensure()
            line = json.dumps({"kind": kind, **values})
            try:
                assert self._process is not None and self._process.stdin is not None
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
            except OSError:
                self._fail("The serving process had died and was started again. Ask once more.")
            answer = self._wait(START_SECONDS if fresh else self.settings.serving_timeout_s)
        if "error" in answer:
            raise (RecipeError if answer.get("recipe") else KduiError)(answer["error"])
        self._last_failure = ""
        return answer["answer"]

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _ensure(self) -> bool:
        """Start the process where there is none; True when it is new."""
        if self._process is not None and self._process.poll() is None:
            return False
        environment = {**os.environ, **environment_of(self.settings)}
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")])
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kdui.serving.process"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._answers = queue.Queue()
        threading.Thread(target=_read, args=(self._process, self._answers), daemon=True).start()
        return True

    def _wait(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            self._fail(
                f"The serving process gave no answer within {seconds:.0f} s and was started again. "
                "Try a smaller model or a shorter input."
            )
        if line is None:
            self._fail(
                "The serving process died (perhaps out of memory) and was started again. Ask once more, or compare fewer models."
            )
        return cast(dict[str, Any], json.loads(cast(str, line)))

    def _fail(self, words: str) -> Any:
        self._stop()
        self.restarts += 1
        self._last_failure = words
        raise ServingError(words)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _read(process: subprocess.Popen[str], answers: queue.Queue[str | None]) -> None:
    """Hand on each line; None at the end, so that a waiting caller learns of the death at once."""
    assert process.stdout is not None
    for line in process.stdout:
        answers.put(line)
    answers.put(None)
