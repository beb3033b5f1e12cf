"""What a search found and why it is the pick: what was tried, which settings mattered, what comes next."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from kdui.core.family import Family
from kdui.core.metric import Metric
from kdui.core.numbers import number
from kdui.core.plain import Frozen
from kdui.core.search import SearchSpec
from kdui.store.store import Store
from kdui.workbench.families.control import axes_of
from kdui.workbench.families.rows import metric_of
from kdui.workbench.search.devices import Judged
from kdui.workbench.search.sampling import importance
from kdui.workbench.search.searching import spec_of, spent_words
from kdui.workbench.search.trials import Trial, best_first, front_of, trials_of, volumes

NEXT = 3
WORDS = {"complete": "measured", "open": "under way"}


class Explanation(Frozen):
    """Of a search as it stands."""

    pick: Trial | None = Field(description="the best headline of the trials that keep the limits; None where none does")
    front: tuple[Trial, ...] = Field(description="of the fitting trials, those that no other beats on everything")
    runners_up: tuple[Trial, ...] = Field(description="the next best that keep the limits")
    importance: dict[str, float] = Field(description="setting -> its share in what made the headline good")
    history: tuple[float, ...] = Field(description="hypervolume after each measured trial")
    sentences: tuple[str, ...]


def explain(store: Store, family: Family) -> Explanation:
    """Work it out of the store's trials. Raises StateConflict where the family is no search."""
    spec, metric = spec_of(family), metric_of(family.task)
    trials = trials_of(store, family, spec)
    best = best_first(trials, spec, metric)
    shares = importance(axes_of(family), trials, spec, metric)
    return Explanation(
        pick=best[0] if best else None,
        front=tuple(front_of(trials, spec, metric)),
        runners_up=tuple(best[1 : 1 + NEXT]),
        importance=shares,
        history=tuple(volumes(trials, spec, metric)),
        sentences=tuple(_sentences(family, spec, metric, trials, best, shares)),
    )


def _sentences(
    family: Family, spec: SearchSpec, metric: Metric, trials: Sequence[Trial], best: Sequence[Trial], shares: dict[str, float]
) -> list[str]:
    said = [f"Wanted: {aim_words(spec, metric)}."]
    if judged := family.spec.get("judged"):
        said += Judged.model_validate(judged).sentences
    said.append(_pick_words(spec, metric, trials, best))
    if len(best) > 1:
        said.append(_next_words(metric, best))
    said.append(_tried_words(family, spec, trials))
    if shares:
        named = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:4])
        said.append(f"What mattered for the headline (PED-ANOVA, over the measured trials): {named}.")
    if family.note:
        said.append(family.note)
    return said


def aim_words(spec: SearchSpec, metric: Metric) -> str:
    """The best accuracy with at most 1 MB and 2 ms."""
    limits = [number(value, unit) for value, unit in ((spec.download_mb, "MB"), (spec.latency_ms, "ms")) if value is not None]
    what = f"the best {metric.noun}" if spec.aim == "best" else f"the front of {metric.noun}, size and latency"
    return what + (f" with at most {' and '.join(limits)}" if limits else "")


def _pick_words(spec: SearchSpec, metric: Metric, trials: Sequence[Trial], best: Sequence[Trial]) -> str:
    if best:
        return f"Pick: trial {best[0].number + 1} with {settings_words(best[0])}: {figures_words(best[0], metric)}."
    measured = [trial for trial in trials if trial.standing == "complete"]
    if not measured:
        return "Nothing is measured yet."
    nearest = min(measured, key=lambda trial: max(trial.violations(spec).values()))
    over = max(nearest.violations(spec).values())
    counts = "Of the latency the upper end of its 95 % interval counts."
    if spec.device_profile:
        counts = "Of the latency the upper end of its estimate counts."
    return (
        f"No measured trial keeps the limits; the nearest, trial {nearest.number + 1}, exceeds one by {over:.0%} "
        f"({figures_words(nearest, metric)}). {counts}"
    )


def _next_words(metric: Metric, best: Sequence[Trial]) -> str:
    first, second = best[0].figures, best[1].figures
    assert first is not None and second is not None
    apart = metric.format_gain(metric.gain(first.headline, second.headline))
    ends = first.low is not None and second.high is not None and first.high is not None and second.low is not None
    overlap = ends and max(first.low or 0, second.low or 0) <= min(first.high or 0, second.high or 0)
    tell = "; their 95 % intervals overlap, so this data cannot tell them apart" if overlap else ""
    return (
        f"Next best: trial {best[1].number + 1} with {settings_words(best[1])}: {figures_words(best[1], metric)}. "
        f"The pick's difference is {apart}{tell}. It was chosen by its test result, which makes it look better than it is."
    )


def _tried_words(family: Family, spec: SearchSpec, trials: Sequence[Trial]) -> str:
    mine = Counter(WORDS.get(trial.standing, trial.standing) for trial in trials if not trial.known)
    known = sum(trial.known for trial in trials)
    fitting = sum(trial.fits(spec) for trial in trials)
    parts = [f"{count} {word}" for word, count in mine.items()]
    parts += [f"{known} known from earlier runs"] if known else []
    return f"Tried: {len(trials)} settings ({', '.join(parts)}); {fitting} keep the limits; {spent_words(family, spec)} searched."


def settings_words(trial: Trial) -> str:
    """distill.temperature 4, quantize.bits 6."""
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in trial.values.items()
    )


def figures_words(trial: Trial, metric: Metric) -> str:
    """94.2 %, 20 kB, 0.14 ms; an estimated latency says so."""
    figures = trial.figures
    if figures is None:
        return "not measured"
    costs = ((figures.download_mb, "MB"), (figures.latency_ms, "ms"))
    words = [metric.format(figures.headline), *(number(value, unit) for value, unit in costs if value is not None)]
    return ", ".join(words) + (" (latency estimated)" if figures.estimated and figures.latency_ms is not None else "")


def as_json(family: Family, found: Explanation) -> dict[str, Any]:
    """For a program."""
    return {"id": family.id, "state": str(family.state), "spent_seconds": family.spent_seconds, **found.model_dump(mode="json")}
