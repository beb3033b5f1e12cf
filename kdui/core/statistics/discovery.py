"""Many comparisons in one table: how many false discoveries are let in, and which rows cannot be distinguished."""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence

from kdui.core.statistics.distributions import t_tail

RATE = 0.05  # expected share of false ones among all differences that are called shown


def adjusted(p_values: Sequence[float]) -> list[float]:
    """P values adjusted by Benjamini and Hochberg (1995): those below a rate q are shown with a false discovery rate of q."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted_values, least = [0.0] * len(p_values), 1.0
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        least = min(least, p_values[place] * len(order) / rank)
        adjusted_values[place] = least
    return adjusted_values


def letters(count: int, apart: Collection[tuple[int, int]]) -> list[str]:
    """Letters for ``count`` rows, best first: two rows share one exactly where they are not ``apart`` (Piepho 2004).

    ``apart``: pairs of rows (smaller number first) whose difference is shown.
    """
    columns = [set(range(count))] if count else []
    for one, other in apart:
        split = [column for column in columns if {one, other} <= column]
        columns = [column for column in columns if column not in split]
        columns += [column - {row} for column in split for row in (one, other)]
        columns = [column for at, column in enumerate(columns) if not _is_within(column, at, columns)]
    columns.sort(key=lambda column: (min(column), max(column)))
    return ["".join(_letter(at) for at, column in enumerate(columns) if row in column) for row in range(count)]


def tied(by_seed: Sequence[Mapping[int, float]], step: float = 0.0) -> list[str]:
    """Letters for rows of seed -> value, best mean first: two rows share one where their paired difference is not shown.

    Seeds are blocks: what is left of the values after row and seed means makes one variance for all pairs (Fisher 1935; a t-test
    with (rows − 1)(seeds − 1) degrees), and all pairs are judged together (Benjamini-Hochberg). Only seeds that all rows have
    count; letters are empty where fewer than two remain. ``step``: see ``over_seeds``.
    """
    seeds = sorted(set.intersection(*(set(row) for row in by_seed))) if len(by_seed) > 1 else []
    if len(seeds) < 2:
        return [""] * len(by_seed)
    means = [sum(row[seed] for seed in seeds) / len(seeds) for row in by_seed]
    shift = {seed: sum(row[seed] for row in by_seed) / len(by_seed) for seed in seeds}
    grand, freedom = sum(means) / len(means), (len(by_seed) - 1) * (len(seeds) - 1)
    left = sum((row[seed] - mean - shift[seed] + grand) ** 2 for row, mean in zip(by_seed, means, strict=True) for seed in seeds)
    error = math.sqrt(2 * max(left / freedom, step**2 / 24) / len(seeds))
    pairs = list(itertools.combinations(range(len(by_seed)), 2))
    gaps = [means[one] - means[other] for one, other in pairs]
    levels = adjusted([t_tail(gap / error, freedom) if error else float(not gap) for gap in gaps])
    return letters(len(by_seed), {pair for pair, level in zip(pairs, levels, strict=True) if level < RATE})


def _is_within(column: set[int], at: int, columns: Sequence[set[int]]) -> bool:
    """Whether another column says all that this one does; of equals the first stays."""
    return any(column < other or (column == other and place < at) for place, other in enumerate(columns))


def _letter(number: int) -> str:
    """a to z, then A to Z, then numbers in brackets."""
    if number < 52:
        return chr((97 if number < 26 else 65) + number % 26)
    return f"({number})"
