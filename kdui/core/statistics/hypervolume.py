"""Hypervolume: how much of the space up to a reference point a set of models dominates (Zitzler and Thiele 1998)."""

from collections.abc import Sequence


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Volume that the points dominate; each coordinate is better when it is lower. Points beyond the reference count for nothing.

    Exact, by slices along the last coordinate: O(n² log n) for three coordinates, which hundreds of trials need no better than.
    """
    inside = [tuple(point) for point in points if all(value < limit for value, limit in zip(point, reference, strict=True))]
    return _volume(inside, tuple(reference)) if inside else 0.0


def _volume(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    if len(reference) == 2:
        return _area(points, reference)
    ordered = sorted(points, key=lambda point: point[-1])
    ends = [*(point[-1] for point in ordered[1:]), reference[-1]]
    total = 0.0
    for place, (point, end) in enumerate(zip(ordered, ends, strict=True)):
        if end > point[-1]:
            total += (end - point[-1]) * _volume([each[:-1] for each in ordered[: place + 1]], reference[:-1])
    return total


def _area(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    total, lowest = 0.0, reference[1]
    for x, y in sorted(points):
        if y < lowest:
            total += (reference[0] - x) * (lowest - y)
            lowest = y
    return total
