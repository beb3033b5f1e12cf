"""Optuna's part: what to try next (multi-objective TPE with constraints), which trial is not worth its end, what mattered.

Its study is made anew from the store's trials at every question, so there is no second state that a crash could lose. TPE:
Bergstra et al. 2011; with constraints and several objectives: Ozaki et al. 2022; importance: PED-ANOVA, Watanabe et al. 2023.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdui.core.family import Axis
from kdui.core.metric import Metric
from kdui.core.search import SearchSpec
from kdui.workbench.search.trials import Trial, objectives
from kdui.workbench.sweep import grid_values, unlike

if TYPE_CHECKING:
    import optuna.study
    from optuna.distributions import BaseDistribution

TRIES = 30  # proposals that are looked at for one that was not tried yet
TRIES_OF_FEW = 5
MOST_COMBINATIONS = 20_000  # up to which the untried ones are listed
STARTUP = 8  # complete trials that TPE waits for; before them it draws at random
LEAST_FOR_IMPORTANCE = 8
PRUNED_AFTER, PRUNED_FROM = 5, 3  # complete trials, and tenths of the training, before which nothing is pruned
TENTHS = 10

Curves = Mapping[int, Mapping[int, float]]  # trial -> tenth of its training -> validation score


def propose(axes: Sequence[Axis], trials: Sequence[Trial], spec: SearchSpec, metric: Metric) -> dict[str, Any] | None:
    """Values that were not tried yet; None where all were. The same trials give the same answer, whoever asks.

    TPE narrows to what is good, and of few combinations it proposes some again and again: then the untried one that is nearest to
    a proposal is taken.
    """
    known = [trial.values for trial in trials]
    every = _combinations(axes)
    if every is not None and not (every := unlike(every, known)):
        return None
    values: dict[str, Any] = {}
    for attempt in range(TRIES if every is None else TRIES_OF_FEW):
        study = _study(axes, trials, spec, metric, seed=spec.seed * 100_003 + len(trials) * TRIES + attempt)
        params = study.ask(_distributions(axes)).params
        values = {axis.name: _value(axis, params[axis.name]) for axis in axes}
        if unlike([values], known):
            return values
    return min(every, key=lambda each: _apart(axes, each, values)) if every is not None else None


def _combinations(axes: Sequence[Axis]) -> list[dict[str, Any]] | None:
    """All combinations of listed values; None where there is a range, or too many."""
    if any(axis.is_range for axis in axes) or math.prod(len(axis.values) for axis in axes) > MOST_COMBINATIONS:
        return None
    return list(grid_values({axis.name: axis.values for axis in axes}))


def _apart(axes: Sequence[Axis], one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How many settings differ, ordered ones by the share of their values that lies between."""
    apart = 0.0
    for axis in axes:
        if _ordered(axis):
            places = [sorted(axis.values).index(values[axis.name]) for values in (one, other)]
            apart += abs(places[0] - places[1]) / max(1, len(axis.values) - 1)
        else:
            apart += one[axis.name] != other[axis.name]
    return apart


def poor(open_trials: Sequence[Trial], trials: Sequence[Trial], curves: Curves, spec: SearchSpec, metric: Metric) -> list[Trial]:
    """Those of the open trials whose validation score is below the median of the fitting ones at the same part of the training.

    Of a front none is: that a small model scores lower is no reason to stop it.
    """
    import optuna

    if spec.aim == "front" or spec.sampler == "random":
        return []
    _quiet()
    study = optuna.create_study(direction="maximize")
    fitting = [trial for trial in trials if trial.fits(spec) and curves.get(trial.number)]
    for trial in fitting:
        score = metric.sign * trial.figures.headline if trial.figures else 0.0
        study.add_trial(optuna.trial.create_trial(value=score, intermediate_values=_signed(curves[trial.number], metric)))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=PRUNED_AFTER, n_warmup_steps=PRUNED_FROM)
    stopped = []
    for trial in open_trials:
        if values := _signed(curves.get(trial.number, {}), metric):
            running = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, intermediate_values=values)
            stopped += [trial] if pruner.prune(study, running) else []
    return stopped


def importance(axes: Sequence[Axis], trials: Sequence[Trial], spec: SearchSpec, metric: Metric) -> dict[str, float]:
    """setting -> its share in what made the headline good, the largest first; empty where too few trials tell it."""
    import optuna

    complete = [trial for trial in trials if trial.standing == "complete"]
    if len(complete) < LEAST_FOR_IMPORTANCE or len(axes) < 2:
        return {}
    study = _study(axes, complete, spec, metric, seed=spec.seed)
    shares = optuna.importance.get_param_importances(study, target=lambda trial: float(trial.values[0]))
    return {name: float(share) for name, share in shares.items()}


def _study(axes: Sequence[Axis], trials: Sequence[Trial], spec: SearchSpec, metric: Metric, seed: int) -> "optuna.study.Study":
    import optuna

    _quiet()
    if spec.sampler == "random":
        sampler: optuna.samplers.BaseSampler = optuna.samplers.RandomSampler(seed=seed)
    else:
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True, constant_liar=True)
    count = 3 if spec.aim == "front" else 1
    study = optuna.create_study(directions=["minimize"] * count, sampler=sampler)
    distributions = _distributions(axes)
    for trial in trials:
        params = _params(axes, trial.values)
        if params is None:
            continue
        told: dict[str, Any] = {"params": params, "distributions": distributions}
        if trial.standing == "complete":
            constraints = trial.violations(spec)
            study.add_trial(optuna.trial.create_trial(values=objectives(trial, spec, metric), constraints=constraints, **told))
        elif trial.standing == "open":
            study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, **told))
        elif trial.standing == "pruned":
            study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.PRUNED, **told))
        elif trial.standing in ("failed", "refused"):
            study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL, **told))
    return study


def _quiet() -> None:
    """Optuna's own log would stand among the words of a command; that TPE's joint model is experimental is known."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    warnings.filterwarnings("ignore", module=r"optuna\..*")  # that low values are good is what its importance expects


def _signed(curve: Mapping[int, float], metric: Metric) -> dict[int, float]:
    return {step: metric.sign * value for step, value in curve.items()}


# --- settings as Optuna's parameters -------------------------------------------------------------------------------------------


def _distributions(axes: Sequence[Axis]) -> "dict[str, BaseDistribution]":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    distributions: dict[str, BaseDistribution] = {}
    for axis in axes:
        if axis.is_range and axis.whole:
            distributions[axis.name] = IntDistribution(int(axis.low or 0), int(axis.high or 0), log=axis.log)
        elif axis.is_range:
            distributions[axis.name] = FloatDistribution(float(axis.low or 0.0), float(axis.high or 0.0), log=axis.log)
        elif _ordered(axis):  # by their places, so that neighbours are near
            distributions[axis.name] = IntDistribution(0, len(axis.values) - 1)
        else:
            distributions[axis.name] = CategoricalDistribution(axis.values)
    return distributions


def _ordered(axis: Axis) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in axis.values)


def _value(axis: Axis, param: Any) -> Any:
    if axis.is_range:
        return param if axis.whole else min(max(float(f"{param:.4g}"), axis.low or 0.0), axis.high or 0.0)
    return sorted(axis.values)[param] if _ordered(axis) else param


def _params(axes: Sequence[Axis], values: Mapping[str, Any]) -> dict[str, Any] | None:
    """None for values outside of the search, which an extension may have left behind."""
    params: dict[str, Any] = {}
    for axis in axes:
        value = values.get(axis.name)
        if axis.is_range and isinstance(value, (int, float)) and float(axis.low or 0.0) <= value <= float(axis.high or 0.0):
            params[axis.name] = value
        elif not axis.is_range and value in axis.values:
            choice: Any = sorted(axis.values).index(value) if _ordered(axis) else value
            params[axis.name] = choice
        else:
            return None
    return params
