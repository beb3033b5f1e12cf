"""A bit-width for each layer under a budget: from what each layer costs alone, the cheapest bits are taken away first."""

from collections.abc import Sequence


def allocate(sizes: Sequence[int], costs: Sequence[dict[int, float]], average_bits: float) -> list[int]:
    """Bits of each layer, such that Σ size · bits ≤ average_bits · Σ size and the sum of the costs is small.

    ``sizes`` are numbers of weights; ``costs`` what each layer costs at each bit-width, the same widths for all. Costs are taken
    to add up. Every layer begins at its most bits; then the step that costs least for each bit it saves is made until the budget
    holds (a greedy descent on the lower convex hull, after Shoham and Gersho 1988), and what is left of it buys back the best.
    """
    widths = sorted(costs[0])
    steady = [_never_rising(cost) for cost in costs]
    bits = [widths[-1]] * len(sizes)
    budget = average_bits * sum(sizes) + 1e-6
    used = float(sum(size * widths[-1] for size in sizes))
    while used > budget:
        moves = [
            ((steady[layer][lower] - steady[layer][bits[layer]]) / max(1, sizes[layer] * (bits[layer] - lower)), layer, lower)
            for layer in range(len(sizes))
            for lower in widths
            if lower < bits[layer]
        ]
        if not moves:
            break
        _, layer, lower = min(moves)
        used -= sizes[layer] * (bits[layer] - lower)
        bits[layer] = lower
    while True:
        gains = [
            ((steady[layer][bits[layer]] - steady[layer][higher]) / max(1, sizes[layer] * (higher - bits[layer])), layer, higher)
            for layer in range(len(sizes))
            for higher in widths
            if higher > bits[layer] and used + sizes[layer] * (higher - bits[layer]) <= budget
        ]
        if not gains or max(gains)[0] <= 0:
            return bits
        _, layer, higher = max(gains)
        used += sizes[layer] * (higher - bits[layer])
        bits[layer] = higher


def _never_rising(cost: dict[int, float]) -> dict[int, float]:
    """More bits never cost more: where a measurement shows that, it is noise."""
    lowest, least = {}, float("inf")
    for width in sorted(cost):
        least = min(least, cost[width])
        lowest[width] = least
    return lowest
