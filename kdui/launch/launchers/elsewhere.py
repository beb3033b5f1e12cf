"""Launcher ``elsewhere``: this process starts nothing. Runs wait for ``app.py work`` on other machines, e.g. in jobs of Slurm."""

from kdui.core.run import Run
from kdui.launch.launchers.local import HOST, poll, stop
from kdui.settings import Settings
from kdui.store.store import Store

__all__ = ["HOST", "poll", "slots", "start", "stop"]


def slots(settings: Settings) -> list[str]:
    """None."""
    return []


def start(run: Run, store: Store) -> None:
    """Never asked for: there is no slot."""
    raise NotImplementedError(f"Run {run.id} was claimed without a slot.")
