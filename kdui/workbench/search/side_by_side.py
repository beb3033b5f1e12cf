"""One search's answers for several devices: of searches that differ in the device alone, and of its own trials judged anew."""

from collections.abc import Sequence
from typing import Literal

from kdui import machine
from kdui.core.family import Family
from kdui.core.plain import Frozen
from kdui.core.search import SearchSpec
from kdui.store.store import Store
from kdui.workbench.families.rows import MADE, made_models, metric_of
from kdui.workbench.search.devices import Devices, Judge, Judged
from kdui.workbench.search.searching import spec_of
from kdui.workbench.search.trials import Trial, best_first, figures_of, trials_of

THIS_MACHINE = "This machine"


class DeviceAnswer(Frozen):
    """What is best on one device."""

    device: str
    latency: Literal["measured", "estimated"]
    how: Literal["searched", "judged anew"]  # by a search for it, or from the shown search's trials
    family: str
    sentences: tuple[str, ...] = ()  # how far its estimates are off
    pick: Trial | None = None
    fitting: int = 0
    measured: int = 0


def answers(store: Store, family: Family) -> list[DeviceAnswer]:
    """One for each device that a like search was made for or whose profile is here; this search's own first.

    Raises StateConflict where the family is no search.
    """
    own = spec_of(family)
    searched = {own.device_profile: family}
    for other in store.families.all(kind="search"):
        if _alike(other) == _alike(family):
            searched.setdefault(spec_of(other).device_profile, other)
    found = [_searched(store, each) for each in searched.values()]
    for name in _others(store, searched):
        found.append(_judged_anew(store, family, own, Devices(store).judged(name) if name else None))
    return found


def _alike(family: Family) -> tuple[object, ...]:
    """What two searches share that differ in their device, and in how long they lasted, alone."""
    spec = spec_of(family).model_copy(update={"device_profile": "", "minutes": 1.0, "most_trials": 1})
    return family.task, spec, repr(family.spec["recipe"]), repr(family.spec["axes"])


def _others(store: Store, searched: dict[str, Family]) -> list[str]:
    """Devices without a search: this machine, as it was measured, and every profile from elsewhere."""
    foreign = [each.name for each in Devices(store).known() if each.machine != machine.fingerprint()]
    return [name for name in ("", *foreign) if name not in searched]


def _searched(store: Store, family: Family) -> DeviceAnswer:
    judged = Judged.model_validate(family.spec["judged"]) if family.spec.get("judged") else None
    return _answer(family, spec_of(family), trials_of(store, family, spec_of(family)), judged, "searched")


def _judged_anew(store: Store, family: Family, spec: SearchSpec, judged: Judged | None) -> DeviceAnswer:
    judge, made, trials = Judge(store, judged) if judged else None, made_models(store, family.id), []
    for trial in trials_of(store, family, spec):
        row = made.get(trial.number)
        if trial.known and trial.run:
            row = next((each for each in store.results.rows_of_run(trial.run)[::-1] if each["role"] in MADE), None)
        figures = figures_of(row, judge) if row and trial.standing in ("complete", "failed") else None
        if figures is not None and figures.latency_ms is not None:
            trials.append(trial.model_copy(update={"figures": figures, "standing": "complete"}))
    return _answer(family, spec, trials, judged, "judged anew")


def _answer(
    family: Family, spec: SearchSpec, trials: Sequence[Trial], judged: Judged | None, how: Literal["searched", "judged anew"]
) -> DeviceAnswer:
    best = best_first(trials, spec, metric_of(family.task))
    return DeviceAnswer(
        device=judged.title if judged else THIS_MACHINE,
        latency="estimated" if judged else "measured",
        how=how,
        family=family.id,
        sentences=judged.sentences if judged else (),
        pick=best[0] if best else None,
        fitting=len(best),
        measured=sum(trial.standing == "complete" for trial in trials),
    )
