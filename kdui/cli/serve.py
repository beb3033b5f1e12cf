"""Serving the page: dispatcher, first start, and a clean end that leaves workers running."""

import contextlib
import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdui import machine
from kdui.catalogue.recipe_files import FIRST_START
from kdui.core.errors import KduiError, StoreError
from kdui.core.run import Run
from kdui.launch import yielding
from kdui.workbench.read_only import ReadOnlyWorkbench
from kdui.workbench.webhook import webhook_of
from kdui.workbench.workbench import Workbench

if TYPE_CHECKING:
    from kdui.ui.health import Answers

LOOK_SECONDS = 1.0  # between two looks whether a worker runs
TRIM_SECONDS = 20.0  # between two times that free memory is returned to the system
LOCAL = ("127.0.0.1", "localhost", "::1")


def serve(workbench: Workbench, host: str | None, port: int | None, stop: threading.Event) -> None:
    """Serve until ``stop`` is set; raises KduiError in words when the address cannot be used or would be open to all."""
    started = time.monotonic()
    settings = workbench.settings
    host, port = host or settings.host, port if port is not None else settings.port
    auth = _credentials(settings.auth)
    for note in settings.notes:
        print(f"kdui: {note}", file=sys.stderr, flush=True)
    asked = auth is not None or settings.proxy_header or settings.read_only  # in a gallery nobody can start anything
    if host not in LOCAL and not asked and not workbench.store.accounts.any():
        raise KduiError(
            f"Serving on {host} would let everybody who reaches this machine start jobs. Set KDUI_AUTH=user:password first, "
            "or add accounts with 'python app.py user add NAME'."
        )
    # Where PyTorch has to be asked for GPUs, it answers while Gradio is imported.
    threading.Thread(target=machine.gpus, daemon=True, name="gpus").start()
    with contextlib.chdir(_own_folders(settings.home)):
        if settings.read_only:
            workbench = ReadOnlyWorkbench(workbench)
        _serve(workbench, host, port, auth, stop, started)


def _serve(
    workbench: Workbench, host: str, port: int, auth: tuple[str, str] | None, stop: threading.Event, started: float
) -> None:
    from kdui.ui.health import Answers
    from kdui.ui.warming import warm_up

    answers = Answers()
    # The address first: where it cannot be used, nothing may have been queued or started.
    page = _launch(workbench, host, port, auth, answers)
    read_only = workbench.settings.read_only
    first = None if read_only else queue_quickstart(workbench)
    if not read_only:
        workbench.start_dispatcher()
    if (webhook := None if read_only else webhook_of(workbench)) is not None:
        webhook.start()
    gc.freeze()  # the page itself is never garbage, so no later search looks at it: answers wait less
    gc.enable()
    print(
        f"kdui is ready at {page.local_url} after {time.monotonic() - started:.1f} s. Store: {workbench.settings.home}",
        flush=True,
    )
    if read_only:
        print("Read-only (KDUI_READ_ONLY): recorded runs are shown, and nothing can be queued.", flush=True)
    if first:
        print(
            f"First start: the quickstart recipe is queued as run {first.id}; cancel it on the Runs tab if you like.", flush=True
        )
    warm_up(workbench, answers.visited)
    yielding.give_back_memory()
    try:
        _until(stop, workbench)
    finally:
        if webhook is not None:
            webhook.stop()
        print("kdui stops; running jobs go on and are picked up at the next start.", flush=True)
        workbench.close()  # first, so that nobody waits for an answer any more
        page.close(verbose=False)
        yielding.as_a_group(0)


def _until(stop: threading.Event, workbench: Workbench) -> None:
    """Keep house until ``stop``: yield to workers while there are some, and return memory that is free."""
    yielded, grouped, trimmed = False, (False, workbench.serving.pid), time.monotonic()
    while not stop.wait(LOOK_SECONDS):
        dispatcher, serving = workbench.dispatcher, workbench.serving.pid
        busy = dispatcher is not None and dispatcher.has_workers
        if dispatcher is not None and busy and not yielded:
            yielding.yield_to_workers(but=[dispatcher.thread_id])
            if serving is not None:
                yielding.yield_to_workers(serving)
            yielded = True
        if (
            busy,
            serving,
        ) != grouped:  # threads stay as they are, and what they start; against other sessions they may rise again
            grouped = (busy, serving)
            for pid in (None, serving):
                yielding.as_a_group(yielding.NICENESS if busy else 0, pid)
        if time.monotonic() - trimmed > TRIM_SECONDS:
            yielding.trim()
            trimmed = time.monotonic()


def _own_folders(home: Path) -> Path:
    """An empty folder to work in, as Gradio offers files of the working directory; and one for Gradio's temporary files.

    In the home, which is nobody else's: the usual place for them is one folder that all users of the machine share.
    """
    empty, files = home / "page" / "empty", home / "page" / "files"
    try:
        for folder in (empty, files):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {home} cannot be written ({error.strerror}). Set KDUI_HOME to one that can be written."
        ) from None
    os.environ["GRADIO_TEMP_DIR"] = str(files)  # read when Gradio is imported, which is later
    return empty


def queue_quickstart(workbench: Workbench) -> Run | None:
    """Queue the quickstart recipe when the store is empty, so that the charts fill while one watches."""
    if not workbench.settings.quickstart or workbench.store.runs.counts():
        return None
    return workbench.submit(workbench.recipe(FIRST_START))


def _credentials(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise KduiError("KDUI_AUTH must read user:password.")
    return user, password


def _launch(workbench: Workbench, host: str, port: int, auth: tuple[str, str] | None, answers: "Answers") -> Any:
    from kdui.ui.downloads import remove_left_over
    from kdui.ui.guard import allowed_hosts
    from kdui.ui.page import launch

    remove_left_over()
    hosts = allowed_hosts(workbench.settings.allowed_hosts, host)
    try:
        return launch(workbench, host, port, auth=auth, hosts=hosts, block=False, answers=answers)
    except OSError as error:
        raise KduiError(f"Port {port} on {host} cannot be used ({error}). Choose another with --port or KDUI_PORT.") from None
