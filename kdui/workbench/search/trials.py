"""The trials of a search as the store has them: what was tried, what was measured, and whether it keeps the limits."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from kdui.core.errors import KduiError
from kdui.core.family import Family, Member
from kdui.core.latency_prediction import Unpredictable
from kdui.core.metric import Metric
from kdui.core.plain import Frozen
from kdui.core.run import RunFacts, RunState
from kdui.core.search import SearchSpec
from kdui.core.statistics.hypervolume import hypervolume
from kdui.store.store import Store
from kdui.workbench.families.rows import made_models
from kdui.workbench.search.devices import Judge, Judged

Standing = Literal["open", "complete", "pruned", "failed", "stopped", "refused"]
COSTS = {"download_mb": "size", "latency_ms": "latency"}


class Figures(Frozen):
    """What a trial's model measured. ``latency_high`` is the upper end of the 95 % interval of its latency; of an ``estimated``
    one, the estimate with its error."""

    headline: float
    low: float | None = None
    high: float | None = None
    download_mb: float | None = None
    latency_ms: float | None = None
    latency_high: float | None = None
    estimated: bool = False
    label: str = ""
    words: str = ""  # why its latency could not be estimated


class Trial(Frozen):
    """One trial; ``known``: it was measured before the search began, and cost it nothing."""

    number: int
    values: dict[str, Any]
    standing: Standing
    run: str | None = None
    known: bool = False
    figures: Figures | None = None
    words: str = Field(default="", description="why it failed, was stopped or cannot run")

    def violations(self, spec: SearchSpec) -> dict[str, float]:
        """limit -> how far it is exceeded, as a share of it; at most 0 where it is kept. Of the latency the upper end of its
        interval counts, so that noise makes no model fit. Empty where nothing is measured."""
        if self.figures is None:
            return {}
        measured = {"download_mb": self.figures.download_mb, "latency_ms": self.figures.latency_high or self.figures.latency_ms}
        limits = {"download_mb": spec.download_mb, "latency_ms": spec.latency_ms}
        return {
            name: (measured[name] or 0.0) / limit - 1.0
            for name, limit in limits.items()
            if limit is not None and measured[name] is not None
        }

    def fits(self, spec: SearchSpec) -> bool:
        """Whether it is measured and keeps every limit."""
        return self.standing == "complete" and all(value <= 0 for value in self.violations(spec).values())


def trials_of(store: Store, family: Family, spec: SearchSpec) -> list[Trial]:
    """All trials in their order."""
    made, judge = made_models(store, family.id), judge_of(store, family)
    return [_trial(store, member, made.get(member.number), spec, judge) for member in store.families.members(family.id)]


def judge_of(store: Store, family: Family) -> Judge | None:
    """Who estimates the latencies of a search; None where those count that were measured."""
    judged = family.spec.get("judged")
    return Judge(store, Judged.model_validate(judged)) if judged else None


def figures_of(row: dict[str, Any], judge: Judge | None = None) -> Figures | None:
    """A chart row's figures, with the ``judge``'s latency; None where no headline was measured."""
    if row["headline"] is None:
        return None
    packed, zipped = row["packed_mb"], row["gzip_mb"]
    latency: tuple[float | None, float | None] = (row["latency_ms"], row["latency_high"])
    words = ""
    if judge is not None:
        try:
            latency = judge.latency(row)
        except Unpredictable as reason:
            latency, words = (None, None), str(reason)
    return Figures(
        headline=row["headline"],
        low=row["headline_low"],
        high=row["headline_high"],
        download_mb=zipped if packed is None else packed,
        latency_ms=latency[0],
        latency_high=latency[1],
        estimated=judge is not None,
        label=row["label"],
        words=words,
    )


def needed(spec: SearchSpec) -> list[str]:
    """The figures without which a trial tells the search nothing."""
    return [name for name in COSTS if spec.aim == "front" or getattr(spec, name) is not None]


def _trial(store: Store, member: Member, row: dict[str, Any] | None, spec: SearchSpec, judge: Judge | None) -> Trial:
    common = {"number": member.number, "values": member.values, "run": member.run}
    if "figures" in member.outcome:
        figures = Figures.model_validate(member.outcome["figures"])
        return Trial(**{**common, "run": member.outcome.get("known")}, standing="complete", known=True, figures=figures)
    for standing in ("refused", "pruned", "stopped"):
        if standing in member.outcome:
            return Trial(**common, standing=standing, words=str(member.outcome[standing]))
    if member.run is None:
        return Trial(**common, standing="open")
    try:
        run = store.runs.facts(member.run)
    except KduiError as error:
        return Trial(**common, standing="failed", words=str(error))
    return _of_run(common, run, figures_of(row, judge) if row else None, spec)


def _of_run(common: dict[str, Any], run: RunFacts, figures: Figures | None, spec: SearchSpec) -> Trial:
    if run.state is RunState.SUCCEEDED:
        lacking = [COSTS[name] for name in needed(spec) if figures is None or getattr(figures, name) is None]
        if figures is None or lacking:
            words = f"Its {' and '.join(lacking) or 'headline'} was not measured: switch that on in the recipe's Measure stage."
            if figures is not None and figures.words:
                words = f"Its latency cannot be estimated: {figures.words}."
            return Trial(**common, standing="failed", words=words)
        return Trial(**common, standing="complete", figures=figures)
    if run.state is RunState.FAILED or run.waits_for_a_person:
        return Trial(**common, standing="failed", words=run.error or "")
    if run.state is RunState.CANCELLED:
        return Trial(**common, standing="stopped", words="cancelled")
    return Trial(**common, standing="open")


# --- how far the search is ----------------------------------------------------------------------------------------------------


def objectives(trial: Trial, spec: SearchSpec, metric: Metric) -> list[float]:
    """Of a complete trial, each better when it is lower: the headline with its sign turned, and of a front the costs too."""
    assert trial.figures is not None
    costs = [float(getattr(trial.figures, name) or 0.0) for name in COSTS] if spec.aim == "front" else []
    return [-metric.sign * trial.figures.headline, *costs]


def volumes(trials: Sequence[Trial], spec: SearchSpec, metric: Metric, reference: Sequence[float] | None = None) -> list[float]:
    """The hypervolume of the fitting trials after each complete one.

    Without a ``reference`` it is the worst of each objective that was measured, and a tenth of its range beyond.
    """
    complete = [trial for trial in trials if trial.standing == "complete"]
    if not complete:
        return []
    every = [objectives(trial, spec, metric) for trial in complete]
    if reference is None:
        columns = list(zip(*every, strict=True))
        reference = [max(column) + 0.1 * ((max(column) - min(column)) or 1.0) for column in columns]
    fitting: list[list[float]] = []
    volumes_so_far = []
    for trial, point in zip(complete, every, strict=True):
        fitting += [point] if trial.fits(spec) else []
        volumes_so_far.append(hypervolume(fitting, reference))
    return volumes_so_far


def front_of(trials: Sequence[Trial], spec: SearchSpec, metric: Metric) -> list[Trial]:
    """The fitting trials that no other beats on every objective, the best headline first."""
    fitting = [trial for trial in trials if trial.fits(spec)]
    points = {trial.number: objectives(trial, spec, metric) for trial in fitting}

    def beaten(trial: Trial) -> bool:
        mine = points[trial.number]
        return any(other != mine and all(a <= b for a, b in zip(other, mine, strict=True)) for other in points.values())

    return sorted((trial for trial in fitting if not beaten(trial)), key=lambda trial: points[trial.number])


def best_first(trials: Sequence[Trial], spec: SearchSpec, metric: Metric) -> list[Trial]:
    """Those that keep the limits, the best headline first; of equal ones the quicker and smaller."""

    def rank(trial: Trial) -> tuple[float, float, float]:
        assert trial.figures is not None
        return -metric.sign * trial.figures.headline, trial.figures.latency_ms or 0.0, trial.figures.download_mb or 0.0

    return sorted((trial for trial in trials if trial.fits(spec)), key=rank)
