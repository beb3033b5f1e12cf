"""Predictions of a class on one question: one a browser, counted when the lecturer reveals them."""

from typing import Any

from kdui.workbench.classroom.participants import Refused


class Votes:
    """Who chose what, until it is revealed; afterwards nothing changes."""

    def __init__(self, choices: int):
        self.choices = choices
        self.revealed = False
        self._chosen: dict[str, int] = {}

    def give(self, token: str, choice: int) -> None:
        """A browser's prediction; a second one replaces its first. Raises Refused once they are revealed."""
        if self.revealed:
            raise Refused("The answers are revealed: predictions have closed.")
        if not 0 <= choice < self.choices:
            raise Refused("There is no such choice.")
        self._chosen[token] = choice

    def of(self, token: str) -> int | None:
        """What the browser chose."""
        return self._chosen.get(token)

    def counts(self) -> list[int]:
        """How many chose each."""
        chosen = list(self._chosen.values())
        return [chosen.count(place) for place in range(self.choices)]

    def told(self) -> dict[str, Any]:
        """``total``, and ``counts`` once they are revealed: before that nobody is told what others chose."""
        return {"total": len(self._chosen), "revealed": self.revealed, "counts": self.counts() if self.revealed else None}

    def clear(self) -> None:
        """Ask again."""
        self.revealed = False
        self._chosen.clear()
