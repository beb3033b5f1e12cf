"""Front, budget and limits against brute force."""

import numpy as np
import pytest

from kdui.charts.between import between, level_with
from kdui.charts.findings import cost_sentences
from kdui.charts.front import Budget, best, limit_costs, pareto_front, rivals, within
from kdui.charts.repeats import merge_repeats
from kdui.core.metric import ACCURACY
from kdui.core.statistics.paired import Discordant, over_examples
from tests.charts.frames import LOWER, point, points, random_points


def dominated(cost: np.ndarray, value: np.ndarray, i: int) -> bool:
    better = (cost <= cost[i]) & (value >= value[i]) & ((cost < cost[i]) | (value > value[i]))
    return bool(better.any())


@pytest.mark.parametrize("seed", range(5))
def test_front_is_what_no_other_model_dominates(seed: int):
    draw = np.random.default_rng(seed)
    cost, value = draw.integers(1, 30, 80).astype(float), draw.integers(80, 99, 80).astype(float)
    front = pareto_front(cost, value, ACCURACY)
    assert {(cost[i], value[i]) for i in front} == {(cost[i], value[i]) for i in range(80) if not dominated(cost, value, i)}
    assert list(cost[front]) == sorted(cost[front])


def test_front_leaves_out_unknown_numbers_and_turns_round_for_a_loss():
    assert list(pareto_front(np.array([1.0, np.nan, 2.0]), np.array([90.0, 99.0, np.nan]), ACCURACY)) == [0]
    assert list(pareto_front(np.array([1.0, 2.0, 3.0]), np.array([9.0, 5.0, 7.0]), LOWER)) == [0, 1]
    assert len(pareto_front(np.array([]), np.array([]), ACCURACY)) == 0


@pytest.mark.parametrize("seed", range(3))
def test_best_within_budget_matches_a_loop_over_all_models(seed: int):
    models = merge_repeats(random_points(240, seed))
    budget = Budget(latency_ms=4, download_mb=2, retained=96)
    fitting = [
        row
        for row in models.itertuples()
        if row.role != "teacher" and row.latency_ms <= 4 and row.download_mb <= 2 and row.retained >= 96
    ]
    winner = best(models, budget, ACCURACY)
    assert winner is not None and winner["headline"] == max(row.headline for row in fitting)
    assert within(models, budget).sum() == len(fitting) + sum(
        1
        for row in models.itertuples()
        if row.role == "teacher" and row.latency_ms <= 4 and row.download_mb <= 2 and row.retained >= 96
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_relaxed_limit_is_the_smallest_that_buys_anything(seed: int):
    models = merge_repeats(random_points(1200, seed))
    budget = Budget(latency_ms=0.5, download_mb=3)
    now = best(models, budget, ACCURACY)["headline"]
    result = [cost for cost in limit_costs(models, budget, ACCURACY) if cost.move == "relax" and cost.quantity == "latency_ms"]
    gains = {
        limit: best(models, Budget(latency_ms=limit, download_mb=3), ACCURACY)["headline"] - now
        for limit in models["latency_ms"][models["latency_ms"] > 0.5].sort_values()
    }
    first = next(((limit, gain) for limit, gain in gains.items() if gain > 0), None)
    assert [(cost.limit, cost.gain) for cost in result] == ([(first[0], pytest.approx(first[1]))] if first else [])


@pytest.mark.parametrize("seed", range(3))
def test_a_tightened_limit_costs_the_step_to_the_next_best(seed: int):
    models = merge_repeats(random_points(1200, seed))
    budget = Budget(latency_ms=8, download_mb=3)
    winner = best(models, budget, ACCURACY)
    (tight,) = [
        cost for cost in limit_costs(models, budget, ACCURACY) if cost.move == "tighten" and cost.quantity == "download_mb"
    ]
    second = best(models, Budget(latency_ms=8, download_mb=float(np.nextafter(winner["download_mb"], 0))), ACCURACY)
    assert tight.gain == pytest.approx(second["headline"] - winner["headline"])
    assert tight.limit == second["download_mb"]


def test_when_nothing_fits_each_limit_states_what_it_would_let_in():
    models = merge_repeats(
        points(point("a", "teacher", 98, latency_ms=16), point("a", "student", 96, latency_ms=3, retained=97.9))
    )
    budget = Budget(latency_ms=2, retained=97)
    assert best(models, budget, ACCURACY) is None
    (cost,) = limit_costs(models, budget, ACCURACY)
    assert (cost.quantity, cost.move, cost.limit, cost.gain) == ("latency_ms", "relax", 3.0, None)


def test_an_unknown_latency_is_not_claimed_to_fit():
    models = merge_repeats(points(point("a", "student", 96, latency_ms=np.nan)))
    assert best(models, Budget(latency_ms=100), ACCURACY) is None
    assert best(models, Budget(), ACCURACY)["headline"] == 96


def test_others_whose_interval_overlaps_the_winners_are_its_rivals():
    def rated(run, role, headline, width, **values):
        return point(run, role, headline, headline_low=headline - width, headline_high=headline + width, **values)

    models = merge_repeats(
        points(
            rated("a", "student", 96.0, 0.5),
            rated("b", "control", 95.2, 0.4),
            rated("c", "student", 94.0, 0.4, latency_ms=0.5),
            rated("d", "student", 95.9, 0.4, latency_ms=9.0),
            rated("e", "teacher", 96.1, 0.5),
        )
    )
    budget = Budget(latency_ms=4)
    winner = best(models, budget, ACCURACY)
    assert winner["headline"] == 96.0
    assert list(rivals(models, winner, budget)["role"]) == ["control"]
    assert len(rivals(models, winner, budget, most=0)) == 0


def repeated(run, role, headlines, **values):
    return [
        point(f"{run}{seed}", role, headline, seed=seed, group=run, digest=f"{run}{seed}", **values)
        for seed, headline in enumerate(headlines)
    ]


def test_models_are_distinguished_by_their_paired_difference_not_by_their_own_intervals():
    # All move with the seed, so that their own intervals overlap; paired by seed, the second is worse for sure.
    rows = [
        *repeated("a", "student", (96.0, 97.0, 95.0)),
        *repeated("b", "student", (95.0, 96.1, 93.9)),
        *repeated("c", "student", (96.2, 96.7, 95.0), latency_ms=0.5),
    ]
    models, collected = merge_repeats(points(*rows)), []
    pair = between(lambda *names: collected.append(names), ACCURACY)
    winner = best(models, Budget(), ACCURACY)
    assert winner["headline"] == 96.0 and len(rivals(models, winner, Budget())) == 2
    level, known = level_with(winner, rivals(models, winner, Budget()), pair)
    assert list(level["headline"].round(2)) == [95.97] and known[0].seeds == 3 and collected == []
    (tight,) = [cost for cost in limit_costs(models, Budget(), ACCURACY, pair) if cost.quantity == "latency_ms"]
    assert not tight.difference.is_shown
    (message,) = cost_sentences([tight], ACCURACY)
    assert message.endswith("less than 0.1 points (within error: differences below 0.8 points could not be detected).")


def test_single_seeds_are_paired_over_the_test_examples_of_both_runs():
    collected = []

    def paired(*names):
        collected.append(names)
        return over_examples([Discordant(20, 60, 1000)])

    models = merge_repeats(points(point("a", "student", 96), point("b", "student", 95.5, latency_ms=0.5)))
    winner = best(models, Budget(), ACCURACY)
    level, _ = level_with(winner, rivals(models, winner, Budget()), between(paired, ACCURACY))
    assert collected == [("a", "student", "student", "b")] and level.empty
    level, known = level_with(winner, rivals(models, winner, Budget()), between(lambda *names: None, ACCURACY))
    assert len(level) == 1 and known == []  # what cannot be paired is not distinguished
