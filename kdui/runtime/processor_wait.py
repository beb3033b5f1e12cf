"""How long a process has waited for a processor: one that is not given any is neither slow nor hung."""

import contextlib
from pathlib import Path


def waited_seconds(pid: int) -> float:
    """Seconds that its threads were ready to run and did not (Linux's schedstat, second field); 0 where that is not known."""
    total = 0
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):  # a thread that ended meanwhile
                total += int((task / "schedstat").read_text(encoding="ascii").split()[1])
    return total / 1e9
