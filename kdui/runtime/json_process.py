"""A process that takes requests as lines of JSON, within limits of time and memory: one that overruns them is ended with a
reason.

Whatever may hang or swell (an untrusted graph, a model on the page) runs this way. It starts in a group of its own.
"""

import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TextIO

PROGRAM = str(Path(__file__).resolve().parents[2])  # where the package lies, whatever the working directory is
PROGRAM_MB = 500  # what Python and ONNX Runtime take themselves, beside which memory is counted
LOOK_SECONDS = 0.1  # between two looks at a process that computes

# Names of variables that hold secrets, and addresses with a password in them: an untrusted graph needs none.
SECRET = re.compile(
    r"TOKEN(?!IZERS)|PASSW|SECRET|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY|COOKIE|AUTH|INDEX_URL|DATABASE_URL|^(PIP|UV|AWS)_", re.I
)
WITH_PASSWORD = re.compile(r"://[^/\s]*@")

Why = Literal["slow", "large", "dead"]


class Unanswered(Exception):
    """No answer came: the process was too slow, took too much memory, or died. It has been ended."""

    def __init__(self, why: Why):
        super().__init__(why)
        self.why: Why = why


class LineProcess:
    """Runs ``python -m MODULE ARGUMENTS``, which reads and writes lines of JSON; ended with the last reference to it.

    ``receive`` is given each line that it writes, and None at its end, in a thread of its own; it must not refer to this object.
    ``most_mb``: memory beside the program's own; ``environment``: without one, this process's without its secrets.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        most_mb: float | None = None,
        stderr: Any = None,
        *,
        receive: Callable[[str | None], None],
    ):
        environment = without_secrets(os.environ) if environment is None else environment
        variables = {**environment, "PYTHONPATH": os.pathsep.join(filter(None, [PROGRAM, environment.get("PYTHONPATH")]))}
        self._most_mb = most_mb
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        weakref.finalize(self, _end, self._process)
        threading.Thread(target=_read, args=(self._process, receive), daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None while it lives."""
        return self._process.poll()

    def write(self, request: Mapping[str, Any]) -> None:
        """Send one line; raises Unanswered where nobody reads it any more. One thread at a time."""
        line = json.dumps(request) + "\n"
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (OSError, ValueError):  # it died, or was ended meanwhile
            self.stop()
            raise Unanswered("dead") from None

    def check_memory(self) -> None:
        """Raises Unanswered where it takes more than it may."""
        if self._most_mb is not None and self._resident_mb() > self._most_mb + PROGRAM_MB:
            raise Unanswered("large")

    def stop(self) -> None:
        """End the process, whatever it does."""
        _end(self._process)

    def _resident_mb(self) -> float:
        import psutil

        try:
            return float(psutil.Process(self._process.pid).memory_info().rss) / 1e6
        except psutil.Error:
            return 0.0


class RequestProcess(LineProcess):
    """One that responds to each line with one line."""

    def __init__(self, module: str, arguments: Sequence[str] = (), **limits: Any):
        self._answers: queue.Queue[str | None] = queue.Queue()
        super().__init__(module, arguments, receive=self._answers.put, **limits)

    def ask(self, request: Mapping[str, Any], seconds: float, check: Callable[[], None] | None = None) -> dict[str, Any]:
        """The response to one request; raises Unanswered. ``check`` is called while it computes and may raise, to cancel."""
        self.write(request)
        return self.answer(seconds, check)

    def answer(self, seconds: float, check: Callable[[], None] | None = None) -> dict[str, Any]:
        """The next line that the process writes, within this many seconds; else it is ended and Unanswered raised."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                try:
                    line = self._answers.get(timeout=max(0.0, min(LOOK_SECONDS, deadline - time.monotonic())))
                except queue.Empty:
                    if check:
                        check()
                    self.check_memory()
                    if time.monotonic() >= deadline:
                        raise Unanswered("slow") from None
                    continue
                if line is None:
                    self._process.wait()
                    raise Unanswered("dead")
                reply: dict[str, Any] = json.loads(line)
                return reply
        except BaseException:
            self.stop()
            raise


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that hold no token, password or address with one: for a process that fetches nothing."""
    return {name: value for name, value in environment.items() if not SECRET.search(name) and not WITH_PASSWORD.search(value)}


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not written yet has no reader any more
            if pipe is not None:
                pipe.close()


def _read(process: subprocess.Popen[str], receive: Callable[[str | None], None]) -> None:
    """Hand on each line; None at the end, so that a waiting caller learns of the death at once."""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            receive(line)
    except ValueError:  # closed meanwhile
        pass
    receive(None)


def answers_pipe() -> TextIO:
    """Called in the child process: the stream of its responses. Libraries may print, so what they print goes to stderr."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def end_with_parent() -> None:
    """Called in the child process: it ends soon after its parent, also where that was killed while it computes."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def bound_memory(most_mb: float) -> None:
    """Let this process take no more than this many MB beside what it has: an allocation beyond them fails, and can be reported.

    Counted are the pages that it may write (Linux's RLIMIT_DATA); address space that is only reserved is free. On other systems
    the parent's own check is what holds.
    """
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[5]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = taken + int(most_mb * 1e6)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
