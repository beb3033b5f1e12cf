"""The rules of the latency harness on made-up readings: no clock is looked at."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from kdui.runtime.latency import Latency, Setting
from kdui.runtime.timing import agree, is_warm, noise, quantile_interval, ratio_interval, spread, take_turns, warm_up
from kdui.runtime.timing_process import idlest, in_turn, quiet
from kdui.serving.answers import timed_in_turn


def readings(median: float, width: float, n: int = 200, seed: int = 0) -> list[float]:
    return (median + width * np.random.default_rng(seed).standard_normal(n)).tolist()


def test_a_warm_up_ends_when_two_windows_agree():
    falling = [10 / (1 + at) for at in range(30)]
    assert not is_warm([1.0] * 19) and is_warm([1.0] * 20)
    assert not is_warm(falling, window=5) and is_warm([*falling, *[0.3] * 10], window=5)
    source = iter([*([5.0] * 10), *([1.0] * 50)])
    assert warm_up(lambda: next(source)) == [5.0] * 10 + [1.0] * 16


def test_a_warm_up_that_never_settles_ends_all_the_same():
    growing = itertools.count(1)
    assert len(warm_up(lambda: 2.0 ** next(growing) / 1e6, longest=25)) == 25
    assert len(warm_up(lambda: 900.0, seconds=1.5)) == 3  # of a slow model only a few


def test_quiet_readings_have_no_doubt_and_noisy_ones_state_why():
    assert noise(readings(1.0, 0.02)) == ""
    assert noise([1.0] * 100 + [1.5] * 100) == "its first and second half differ by 40 %"
    wide = noise(np.random.default_rng(1).permutation([1.0] * 10 + [2.0] * 10).tolist())
    assert wide.startswith("its interval is") or wide.startswith("its first and second half")
    assert "too few" in noise([1.0, 1.0])


def test_a_noisy_run_is_repeated_once_and_the_quieter_one_is_kept():
    loud, calm, louder = [1.0] * 10 + [2.0] * 10, readings(1.0, 0.01, 20), [1.0] * 10 + [4.0] * 10
    tries = iter([(loud, loud), (calm, calm)])
    assert quiet(lambda: next(tries)) == ((calm, calm), True)
    tries = iter([(loud, loud), (louder, louder)])
    assert quiet(lambda: next(tries)) == ((loud, loud), True)
    tries = iter([(calm, loud), (calm, calm)])
    assert quiet(lambda: next(tries)) == ((calm, calm), True)  # a ratio needs a quiet baseline, too
    assert spread(calm) < spread(loud) < spread(louder)


def test_models_answer_in_turn_and_a_slow_pair_stops_early():
    collected: list[str] = []

    def reader(name: str):
        return lambda: collected.append(name) or 1.0

    ours, theirs = in_turn(reader("candidate"), reader("baseline"), 13)
    # The first answer of each turn finds the cache as the other one left it, and goes unread.
    assert collected == ["baseline"] * 11 + ["candidate"] * 11 + ["baseline"] * 4 + ["candidate"] * 4
    assert len(ours) == len(theirs) == 13
    assert len(in_turn(reader("a"), reader("b"), 500, longest=-1.0)[0]) == 20


def test_the_answer_after_a_change_of_turns_is_not_read():
    last: list[str] = []

    def reader(name: str):
        def read() -> float:
            cold = last[-1:] != [name]
            last.append(name)
            return 9.0 if cold else 1.0

        return read

    ours, theirs = in_turn(reader("candidate"), reader("baseline"), 25)
    assert ours == theirs == [1.0] * 25


def test_the_order_of_asking_does_not_decide_who_is_faster():
    def readers() -> dict[str, Callable[[], float]]:
        last: list[str] = []
        calls = dict.fromkeys("ab", 0)

        def reader(name: str) -> Callable[[], float]:
            def read() -> float:
                calls[name] += 1
                cold = last[-1:] != [name]  # the other one has taken the cache
                last.append(name)
                return 40.0 if calls[name] < 3 else 9.0 if cold else 1.0

            return read

        return {name: reader(name) for name in "ab"}

    for order in ("ab", "ba"):
        known = readers()
        assert timed_in_turn([known[name] for name in order]) == [[1.0] * 30] * 2


def test_a_slow_model_has_fewer_readings_and_no_less_than_one_a_turn():
    result = take_turns([lambda: 1.0, lambda: 2.0], 25, turn_seconds=-1.0)
    assert result == [[1.0] * 3, [2.0] * 3]


def test_the_same_file_twice_agrees_and_another_one_does_not():
    one = readings(1.0, 0.05)
    assert agree(one, readings(1.0, 0.05, seed=1)) and not agree(one, readings(1.3, 0.05, seed=1))


def latency(mine: list[float], theirs: list[float], **values) -> Latency:
    return Latency(candidate_ms=tuple(mine), baseline_ms=tuple(theirs), load_ms=1.0, **values)


def test_doubts_about_a_file_against_itself_are_reported():
    one, other = readings(1.0, 0.01), readings(1.5, 0.01, seed=1)
    assert latency(one, other).doubt == ""  # two files may differ
    assert "the same file twice differed by a factor of 1.50" in latency(one, other, same_file=True).doubt
    assert latency(one, one, same_file=True).doubt == ""
    assert "also when repeated" in latency([1.0] * 10 + [2.0] * 10, one[:20], repeated=True).doubt


def test_speed_up_has_an_interval_of_paired_readings():
    drift = np.linspace(1, 2, 200)  # the machine slows down; both in turn feel it
    value, low, high = latency((0.5 * drift).tolist(), (1.0 * drift).tolist()).speedup
    assert value == pytest.approx(2) and low == pytest.approx(2) and high == pytest.approx(2)
    assert ratio_interval([1.0] * 20, [3.0] * 20) == (3.0, 3.0)


def test_a_quantiles_interval_holds_it():
    samples = np.random.default_rng(3).permutation(np.arange(1.0, 201.0))
    low, high = quantile_interval(samples, 0.9)
    # The exact 95 % interval of the 90th percentile of 200 readings: order statistics 172 to 189.
    assert low == pytest.approx(172, abs=3) and high == pytest.approx(189, abs=3)


def test_processes_that_differ_widen_the_interval():
    parts = [50, 50, 50, 50]
    same = np.concatenate([readings(1.0, 0.01, n=50, seed=seed) for seed in range(4)])
    apart = np.concatenate([readings(level, 0.01, n=50, seed=seed) for seed, level in enumerate((1.0, 1.1, 1.2, 1.3))])
    narrow, wide = quantile_interval(apart, 0.5), quantile_interval(apart, 0.5, parts)
    assert wide[0] < 1.06 < narrow[0] and wide[1] > 1.24 > narrow[1]
    low, high = quantile_interval(same, 0.5, parts)
    assert 0.99 < low < high < 1.01
    # A baseline that is read in turn feels what its process feels: the ratio stays sharp.
    assert ratio_interval(apart, 2 * apart, parts) == pytest.approx((2, 2))


def test_noise_of_the_baseline_is_reported():
    assert latency(readings(1.0, 0.01), [1.0] * 100 + [2.0] * 100).doubt.startswith("noisy: of the baseline, its first")


def test_the_idlest_cores_are_chosen():
    assert idlest({0: 10, 1: 10, 2: 10}, {0: 15, 1: 11, 2: 12}, [0, 1, 2], 2) == [1, 2]
    assert idlest({}, {}, [3, 5], 1) == [3]


def test_a_settings_name_is_what_charts_read():
    assert Setting(batch=8).name == "batch8.threads1"
    assert Setting(threads=0, length=64).name == "batch1.threadsall.tokens64"
