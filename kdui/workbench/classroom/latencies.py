"""What one prediction took on each participant's own processor, in its browser."""

from typing import Any

from kdui.workbench.classroom.participants import Refused

LONGEST_MS = 60_000.0


class Latencies:
    """One figure a browser: its latest."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[float, str]] = {}

    def add(self, token: str, ms: float, label: str) -> None:
        """Median time of a prediction in ms, and what was predicted; raises Refused for what is no time."""
        if not 0 < ms < LONGEST_MS:
            raise Refused("That is no latency in milliseconds.")
        self._of[token] = (ms, label[:24])

    def told(self, own: str | None) -> dict[str, Any]:
        """All latencies in ms, how often each label was predicted, and the participant's own."""
        labels = [label for _, label in self._of.values()]
        counts = {label: labels.count(label) for label in sorted(set(labels))}
        mine = self._of.get(own or "")
        return {"ms": sorted(ms for ms, _ in self._of.values()), "labels": counts, "own": mine[0] if mine else None}

    def clear(self) -> None:
        """Measure again."""
        self._of.clear()
