"""A search as it goes on: each look counts its time, stops poor trials, queues the next one, and ends it when it is enough.

Everything that it decides by is in the store, so any process with a dispatcher looks after every search: whoever searched may be
killed at any moment, and the next one goes on from the same trials.
"""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from kdui import machine
from kdui.core.errors import KduiError, RecipeError, StateConflict
from kdui.core.family import Axis, Family, FamilyState
from kdui.core.logs import logger
from kdui.core.numbers import duration
from kdui.core.people import Role, require, require_own
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.core.search import SearchSpec
from kdui.store.runs import now
from kdui.store.store import Store
from kdui.workbench import sweep
from kdui.workbench.families.control import Bench, Families, axes_of
from kdui.workbench.families.rows import metric_of
from kdui.workbench.search import sampling
from kdui.workbench.search.curves import TrialCurves
from kdui.workbench.search.devices import Devices, Judge
from kdui.workbench.search.trials import Trial, trials_of, volumes
from kdui.workbench.search.warm_start import beginnings, known_trials

TICK_SECONDS = 1.0
MOST_COUNTED = 15.0  # s between two looks that count as searched: a longer pause is one in which nobody did
SETTLED = 0.005  # share of the hypervolume that must be gained while the patience lasts
MOST_FAULTS = 6  # trials in a row that failed before the search asks a person
OUT_OF_TIME = "the search's time was over"


class Searcher(Bench, Protocol):
    """What a search needs of the workbench."""

    @property
    def families(self) -> Families: ...


class Searches:
    """Searches of one workbench."""

    def __init__(self, bench: Searcher):
        self.bench, self.store = bench, bench.store
        self._curves = TrialCurves(bench.store)

    def start(self, recipe: Recipe, axes: Sequence[Axis], spec: SearchSpec, device: str = "auto") -> Family:
        """Begin a search with what the store knows already and the recipe as it stands. Raises RecipeError in words."""
        require(Role.RUNNER, "start a search")
        machine.require_device(device)
        self.bench.limits.queue(1)
        self._check(recipe, axes, spec)
        judged = Devices(self.store).judged(spec.device_profile) if spec.device_profile else None
        judge = Judge(self.store, judged) if judged else None
        known = known_trials(self.bench, recipe, axes, spec, judge) if spec.sampler != "random" else []
        family = self.store.families.create(
            name=recipe.name or recipe.task,
            kind="search",
            task=recipe.task,
            device=device,
            created=now(),
            spec={
                "recipe": recipe.model_dump(mode="json"),
                "axes": [axis.model_dump() for axis in axes],
                "search": spec.model_dump(),
                "begin": beginnings(self.bench, recipe, axes),
                **({"judged": judged.model_dump(mode="json")} if judged else {}),
            },
            values=[each.values for each in known],
            outcomes=[{"known": each.run, "figures": each.figures.model_dump()} for each in known],
        )
        self.look(family.id)
        return self.store.families.get(family.id)

    def _check(self, recipe: Recipe, axes: Sequence[Axis], spec: SearchSpec) -> None:
        if not axes:
            raise RecipeError("Say what a search may vary: settings with values or a range.")
        for axis in axes:
            for value in (axis.low, axis.high) if axis.is_range else axis.values:
                shown = int(value or 0) if axis.is_range and axis.whole else value
                self.bench.check(recipe.with_values({axis.name: shown}))

    def extend(self, family_id: str, minutes: float) -> None:
        """Give a search more minutes; what its end had stopped goes on. Raises StateConflict where it is none."""
        family = self.store.families.get(family_id)
        require_own(family.queued_by, "extend this search")
        spec = spec_of(family)
        longer = SearchSpec.model_validate({**spec.model_dump(), "minutes": spec.minutes + minutes})
        plain = {**family.spec, "search": longer.model_dump()}
        self.store.families.change(family_id, tuple(FamilyState), spec=plain, state=FamilyState.ACTIVE, note="", ticked=None)
        for member in self.store.families.members(family_id):
            if member.run and member.outcome.get("stopped") == OUT_OF_TIME:
                self.store.families.conclude(family_id, member.number, {})
                if self.store.runs.facts(member.run).state is RunState.CANCELLED:
                    self.bench.resume(member.run)

    # --- one look ------------------------------------------------------------------------------------------------------------

    def look(self, family_id: str) -> None:
        """One round over one search; nothing where it is paused or has ended, or somebody else looks after it just now."""
        family = self.store.families.get(family_id)
        if family.state is not FamilyState.ACTIVE or not self.store.families.tick(family, now(), MOST_COUNTED):
            return
        family, spec = self.store.families.get(family_id), spec_of(family)
        trials, metric = trials_of(self.store, family, spec), metric_of(family.task)
        going = [trial for trial in trials if trial.standing == "open"]
        for trial in going:
            if trial.run is None:  # a crash came between the trial and its run
                self._queue(family, trial.number)
        for trial in sampling.poor(going, trials, self._curves.of(going, trials), spec, metric) if going else ():
            self._stop(family, trial, "pruned", "below the median of the fitting trials at this part of its training")
        if family.spent_seconds >= 60 * spec.minutes:
            for trial in going:
                self._stop(family, trial, "stopped", OUT_OF_TIME)
            self._end(family, f"Its {spec.minutes:g} min are spent.")
        elif reason := enough(trials, spec, metric):
            if not going:
                self._end(family, reason)
        elif len(going) < _at_once(self.store):
            self._next(family, trials, spec)

    def _next(self, family: Family, trials: Sequence[Trial], spec: SearchSpec) -> None:
        axes = axes_of(family)
        first = sweep.unlike(family.spec["begin"], [trial.values for trial in trials]) if spec.sampler != "random" else []
        values = first[0] if first else sampling.propose(axes, trials, spec, metric_of(family.task))
        if values is None:
            if all(trial.standing != "open" for trial in trials):
                self._end(family, "Every combination of its settings was tried.")
            return
        try:
            self.store.families.add(family.id, [values], first=len(trials))
        except StateConflict:
            return  # another process has proposed meanwhile
        self._queue(family, len(trials))

    def _queue(self, family: Family, number: int) -> None:
        member = next(each for each in self.store.families.members(family.id) if each.number == number)
        self.bench.families.queue(family, member)

    def _stop(self, family: Family, trial: Trial, how: str, words: str) -> None:
        self.store.families.conclude(family.id, trial.number, {how: words})
        if trial.run:
            try:
                self.bench.cancel(trial.run)
            except StateConflict:
                self.store.families.conclude(family.id, trial.number, {})  # it ended first: what it measured counts

    def _end(self, family: Family, reason: str) -> None:
        self.store.families.change(family.id, (FamilyState.ACTIVE,), state=FamilyState.ENDED, note=reason)


class SearchThread:
    """Looks after all searches of a store in a thread of this process, beside its dispatcher."""

    def __init__(self, searches: Searches):
        self.searches = searches
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True, name="searches")
        self._trouble = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the runs of its searches continue."""
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                for family in self.searches.store.families.all(state=FamilyState.ACTIVE, kind="search"):
                    self.searches.look(family.id)
                self._trouble = ""
            except Exception as fault:  # a locked database or a full disk now; searches go on once that is over
                words = str(fault) if isinstance(fault, KduiError) else f"{type(fault).__name__}: {fault}"
                if words != self._trouble:
                    logger("workbench").error("searches: %s", words)
                self._trouble = words


def spec_of(family: Family) -> SearchSpec:
    """Raises StateConflict where it is a sweep."""
    if family.kind != "search":
        raise StateConflict(f"{family.id} is a sweep, no search: extend it by values or draws.")
    return SearchSpec.model_validate(family.spec["search"])


def enough(trials: Sequence[Trial], spec: SearchSpec, metric: Any) -> str:
    """Why no further trial is needed, in words; empty where one is."""
    mine = [trial for trial in trials if not trial.known]
    if len(mine) >= spec.most_trials:
        return f"Its {spec.most_trials} trials are made."
    faults = [trial for trial in mine if trial.standing != "open"][-MOST_FAULTS:]
    if len(faults) == MOST_FAULTS and all(trial.standing in ("failed", "refused") for trial in faults):
        return f"{MOST_FAULTS} trials in a row failed, the last one: {faults[-1].words}"
    history = volumes(trials, spec, metric)
    if len(history) > sampling.STARTUP + spec.patience and history[-1] > 0:
        gained = history[-1] - history[-1 - spec.patience]
        if gained <= SETTLED * history[-1]:
            return f"The last {spec.patience} trials gained less than {SETTLED:.1%} of the hypervolume: it has settled."
    return ""


def spent_words(family: Family, spec: SearchSpec) -> str:
    """40 s of 30 min."""
    return f"{duration(family.spent_seconds)} of {duration(60 * spec.minutes)}"


def _at_once(store: Store) -> int:
    """Trials that are under way at a time: as many as there are GPU slots, else one."""
    return max(1, len([slot for slot in machine.slots(store.settings.runs_per_gpu) if slot != "cpu"]))
