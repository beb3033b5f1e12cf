"""Launcher ``inline``: the run is worked off in this process before ``start`` returns. For tests and debugging."""

from kdui.core.run import Run
from kdui.store.store import Store


def start(run: Run, store: Store) -> None:
    """Run to the end; how it ended is in the store."""
    from kdui.worker import perform

    perform(store, run.id)
