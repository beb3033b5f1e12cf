"""Work that may take long continues in a thread of its own, while the page waits for it no longer than a few seconds."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait

SECONDS = 3.0
MOST, MOST_KEPT = 4, 32  # that continue at a time, since each holds a thread; that are remembered


class BoundedWait:
    """One piece of work for each key; who asks again for one that continues waits for that one."""

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        self._lock = threading.Lock()
        self._going: dict[Hashable, Future[None]] = {}

    def done(self, key: Hashable, work: Callable[[], object], seconds: float | None = None) -> bool:
        """Whether the work is done, after a wait of ``seconds`` at most; raises what it raised, once. Then it may start anew.

        Also False where too many others continue already; then it has not begun.
        """
        with self._lock:
            future = self._going.get(key)
            if future is None:
                if sum(not other.done() for other in self._going.values()) >= MOST:
                    return False
                if len(self._going) > MOST_KEPT:  # done, and nobody came back for them
                    self._going = {other: going for other, going in self._going.items() if not going.done()}
                future = self._going[key] = Future()
                threading.Thread(target=_run, args=(future, work), daemon=True, name="kdui-look-up").start()
        if not wait([future], self.seconds if seconds is None else seconds).done:
            return False
        with self._lock:
            if self._going.get(key) is future:
                del self._going[key]
        future.result()
        return True


def _run(future: "Future[None]", work: Callable[[], object]) -> None:
    try:
        work()
    except BaseException as problem:  # raised again where somebody waits for it
        future.set_exception(problem)
    else:
        future.set_result(None)
