"""Values that are made once for each key, also where several threads ask for one at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class OncePerKey(Generic[T]):
    """Calls ``make`` for a key that is new; who asks meanwhile waits for it. What failed is tried again by the next one."""

    def __init__(self, make: Callable[[str], T]):
        self._make = make
        self._lock = threading.Lock()
        self._found: dict[str, Future[T]] = {}

    def __call__(self, key: str) -> T:
        with self._lock:
            first = key not in self._found
            future = self._found.setdefault(key, Future())
        if first:
            try:
                future.set_result(self._make(key))
            except BaseException as error:
                with self._lock:
                    del self._found[key]
                future.set_exception(error)
        return future.result()
