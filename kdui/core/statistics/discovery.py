"""Many comparisons in one table: how many false discoveries are let in, and which rows cannot be told apart."""

from collections.abc import Collection, Sequence

RATE = 0.05  # expected share of false ones among all differences that are called shown


def adjusted(p_values: Sequence[float]) -> list[float]:
    """P values adjusted by Benjamini and Hochberg (1995): those below a rate q are shown with a false discovery rate of q."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found, least = [0.0] * len(p_values), 1.0
    for rank in range(len(order), 0, -1):
        place = order[rank - 1]
        least = min(least, p_values[place] * len(order) / rank)
        found[place] = least
    return found


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


def _is_within(column: set[int], at: int, columns: Sequence[set[int]]) -> bool:
    """Whether another column says all that this one does; of equals the first stays."""
    return any(column < other or (column == other and place < at) for place, other in enumerate(columns))


def _letter(number: int) -> str:
    """a to z, then A to Z, then numbers in brackets."""
    if number < 52:
        return chr((97 if number < 26 else 65) + number % 26)
    return f"({number})"
