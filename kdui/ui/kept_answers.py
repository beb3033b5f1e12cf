"""Answers that cost much, worked out once for all who ask: thirty people who look at one chart are one piece of work."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")

# One at a time in this process: at once they would be no faster, but hold their memory at once and take more from a training.
_AT_ONCE = threading.Lock()


class KeptAnswers:
    """The last ``most`` answers, each for as long as what it was made from is the same object."""

    def __init__(self, most: int):
        self.most = most
        self._kept: OrderedDict[str, tuple[object, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, source: object, key: str, make: Callable[[], Answer]) -> Answer:
        """What ``make`` gives, or gave before for this ``key`` and ``source``; nobody may change it."""
        kept = self._find(source, key)
        if kept is None:
            with _AT_ONCE:
                kept = self._find(source, key)  # whoever waited finds what the first one made
                if kept is None:
                    kept = (source, make())
                    self._keep(key, kept)
        answer: Answer = kept[1]
        return answer

    def _find(self, source: object, key: str) -> tuple[object, Any] | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] is not source:
                return None
            self._kept.move_to_end(key)
            return kept

    def _keep(self, key: str, entry: tuple[object, Any]) -> None:
        with self._lock:
            for name in [name for name, kept in self._kept.items() if name == key or kept[0] is not entry[0]]:
                del self._kept[name]  # of older points, of another task: its memory is wanted
            self._kept[key] = entry
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
