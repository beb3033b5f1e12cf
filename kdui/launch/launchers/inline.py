"""Launcher ``inline``: the run is worked off in this process before ``start`` returns. For tests and debugging."""

from kdui.core.run import Run, RunFacts
from kdui.launch.launcher import Seen
from kdui.launch.launchers import local
from kdui.settings import Settings
from kdui.store.store import Store


def slots(settings: Settings) -> list[str]:
    """Those of this machine."""
    return local.slots(settings)


def start(run: Run, store: Store) -> None:
    """Run to the end; how it ended is in the store."""
    from kdui.worker import perform

    perform(store, run.id)


def poll(run: RunFacts, *, closely: bool = False) -> Seen:
    """A run that is still marked as running belongs to a process that has gone, or to a worker of its own."""
    return local.poll(run, closely=closely)


def stop(run: RunFacts, *, at_once: bool = False) -> bool:
    """Only a worker of its own can be stopped from outside."""
    return local.stop(run, at_once=at_once)
