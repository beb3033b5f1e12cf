"""What a launcher offers: slots, and the start, look and end of a worker. The dispatcher knows no machine."""

import importlib
from typing import NamedTuple, Protocol, cast

from kdui.core.run import Run, RunFacts
from kdui.settings import Settings
from kdui.store.store import Store


class Seen(NamedTuple):
    """A look at a worker from outside."""

    alive: bool | None  # None: it has not said yet who it is
    cpu_seconds: float | None = None  # processor time so far, where it was requested and can be read
    waits: bool = False  # it stands in the queue of a scheduler and has not begun
    said: str = ""  # what the scheduler says of a worker that is gone


class Launcher(Protocol):
    """A place where runs run: a module ``kdui/launch/launchers/NAME.py`` with these functions, chosen by KDUI_LAUNCHER=NAME.

    It starts ``python -m kdui.worker RUN_ID`` where the store's database and artifacts can be reached. The run's progress is in
    the store: heartbeat, state, events.
    """

    HOST: str
    """Whose slots they are: this machine's name, or one of a cluster that all dispatchers share. It is the host of their runs."""

    def slots(self, settings: Settings) -> list[str]:
        """What can run at once, in the order in which it is given to runs that ask for no device: ``cuda:0``, ``cpu`` …"""

    def start(self, run: Run, store: Store) -> int | None:
        """Start the worker of a claimed run; its process id on this host, or None, where the worker writes it down itself.

        Raises LauncherAway when it is to be tried again, OSError or another KduiError when it cannot be.
        """

    def poll(self, run: RunFacts, *, closely: bool = False) -> Seen:
        """Whether the worker lives; asked about every half second for runs of ``HOST``, of a cluster for silent ones alone."""

    def stop(self, run: RunFacts, *, at_once: bool = False) -> bool:
        """Ask the worker to stop, or end it ``at_once``; True when there was one."""


def load_launcher(name: str) -> Launcher:
    """The launcher of that name; Settings has checked that there is one."""
    return cast(Launcher, importlib.import_module(f"kdui.launch.launchers.{name}"))
