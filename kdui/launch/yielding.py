"""A process that shows things yields to those that train: page and serving process take what workers leave, and give back memory.

Two threads of a training that meet at a barrier after each operation lose half their speed to any third one that is as urgent.
"""

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Collection
from pathlib import Path

NICENESS = 10  # of 19: about a tenth of a worker's share of a core that both want
GROUP_SECONDS, GROUP_ATTEMPTS = 0.12, 3
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_ARENAS = -1, -3, -8  # names of mallopt(3)


def yield_to_workers(pid: int | None = None, but: Collection[int | None] = ()) -> None:
    """Lower the priority of a process's threads (this one's without ``pid``), and so of those that they start, ``but`` those of
    these native ids. It cannot be raised again without being root.

    The dispatcher's thread keeps its own, for the workers that it starts have it too. Linux alone knows priorities of threads;
    elsewhere nothing is done.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):  # the process has gone
        for path in Path(f"/proc/{pid or 'self'}/task").iterdir():
            if int(path.name) not in but:
                with contextlib.suppress(OSError):  # it ended meanwhile
                    os.setpriority(os.PRIO_PROCESS, int(path.name), NICENESS)
        as_a_group(NICENESS, pid)


def as_a_group(niceness: int, pid: int | None = None) -> None:
    """Desktops weigh whole sessions against each other, and look at a thread's priority only within its session.

    Linux takes one such change in a tenth of a second from all of a machine's users together, so it is tried again.
    """
    with contextlib.suppress(OSError):
        for _ in range(GROUP_ATTEMPTS):
            try:
                Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(niceness), encoding="ascii")
                return
            except BlockingIOError:
                time.sleep(GROUP_SECONDS)


def give_back_memory() -> None:
    """Let glibc return large blocks at once and keep few pools for its threads: answers of many megabytes leave none behind."""
    with contextlib.suppress(OSError, AttributeError):
        c = ctypes.CDLL(None)
        c.mallopt(_MOST_ARENAS, 2)
        c.mallopt(_MMAP_THRESHOLD, 256 * 1024)
        c.mallopt(_TRIM_THRESHOLD, 1024 * 1024)


def trim() -> None:
    """Return what is free to the system."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
