"""The result of a benchmark: a number with its spread, its aim, and what it is a ratio of."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Repeated readings in one unit; summarized by their median."""

    samples: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        """The smallest reading that at least 95 % of all readings do not exceed."""
        return sorted(self.samples)[math.ceil(0.95 * len(self.samples)) - 1]

    @property
    def range(self) -> str:
        """Lowest and highest reading, and how many there are."""
        return f"{plain(min(self.samples))} to {plain(max(self.samples))}, n = {len(self.samples)}"

    def __str__(self) -> str:
        return f"{plain(self.median)} {self.unit} ({self.range})"


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``value`` is in ``unit``; the aim is ``relation`` (≤ or ≥) ``aim`` in the same unit."""

    title: str
    value: float
    unit: str
    spread: str
    relation: str
    aim: float
    lines: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        return self.value <= self.aim if self.relation == "≤" else self.value >= self.aim

    def text(self) -> str:
        """The finding with its aim in one line, and below it what it was computed from."""
        aim = f"aim {self.relation} {self.aim:g} {self.unit}: {'met' if self.met else 'missed'}"
        head = f"{self.title}: {plain(self.value)} {self.unit} ({self.spread}) · {aim}"
        return "\n".join([head, *(f"    {line}" for line in self.lines)])

    def row(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "title": self.title,
            "value": self.value,
            "unit": self.unit,
            "spread": self.spread,
            "aim": f"{self.relation} {self.aim:g}",
            "met": self.met,
            "lines": list(self.lines),
        }


def ratio(title: str, above: Spread, below: Spread, relation: str, aim: float, lines: Sequence[str]) -> Finding:
    """The quotient of two series that were read in turn: each reading is divided by the one taken next to it."""
    each = Spread(
        tuple(numerator / denominator for numerator, denominator in zip(above.samples, below.samples, strict=True)), "×"
    )
    return Finding(title, each.median, "×", each.range, relation, aim, tuple(lines))


def plain(value: float) -> str:
    """Three digits, without an exponent."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"
