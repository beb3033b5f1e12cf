"""What several processes do to one store at the same time; imports little, so that they start at once."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdui.core.plain import digest
from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore
from kdui.store.store import Store
from tests.store.made import artifact

LIMIT = 240.0  # s: starting processes is slow beside other work


def in_processes(work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
    """Run ``work(barrier, *arguments)`` in one process for each, all let go at once, and check that each ended well."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(arguments))
    workers = [context.Process(target=work, args=(barrier, *given)) for given in arguments]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + LIMIT
    for worker in workers:
        worker.join(timeout=max(1.0, deadline - time.monotonic()))
    assert [worker.exitcode for worker in workers] == [0] * len(workers)


def make_once(barrier: Any, settings: Settings, log: Path) -> None:
    """Make the artifact unless it is there, as the pipeline does."""
    store = ArtifactStore(settings)
    barrier.wait()
    with store.locked(digest("one")):
        if not store.has(digest("one")):
            with log.open("a") as stream:
                stream.write(f"{os.getpid()}\n")
            artifact(store)
    store.open(digest("one"))


def claim_all(barrier: Any, settings: Settings, slot: str, log: Path) -> None:
    """Claim and finish runs until none waits; note each with its attempt and whether it was alone on the slot."""
    store = Store(settings)
    log.touch()
    barrier.wait()
    while store.runs.counts().get("queued"):
        run = store.runs.claim(slot)
        if run is None:
            continue
        here = [other.id for other in store.runs.in_state(RunState.RUNNING) if other.slot == slot]
        with log.open("a") as stream:
            stream.write(f"{run.id} {run.attempts} {here == [run.id]}\n")
        store.runs.transition(run.id, RunState.SUCCEEDED)
