"""Launcher ``inline``: the run is worked off in this process before ``start`` returns. For tests and debugging.

Its slots are this machine's. A run that is still marked as running when it is looked at belongs to a process that has gone, or to
a worker of its own: it is seen and stopped as the ``local`` launcher does.
"""

from kdui.core.run import Run
from kdui.launch.launchers.local import HOST, poll, slots, stop
from kdui.store.store import Store

__all__ = ["HOST", "poll", "slots", "start", "stop"]


def start(run: Run, store: Store) -> None:
    """Run to the end; how it ended is in the store."""
    from kdui.worker import perform

    perform(store, run.id)
