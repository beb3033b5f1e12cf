"""What a person does with a sweep as a whole: make it, pause it, let it go on, cancel, extend and delete it.

All of it is in the store: a member whose run was not queued before this process ended is queued when the family is resumed.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from kdui import machine
from kdui.core.errors import KduiError, RecipeError, StateConflict
from kdui.core.family import Axis, Family, FamilyKind, FamilyState, Member
from kdui.core.people import Role, require, require_own
from kdui.core.plan import Planned
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunFacts, RunState
from kdui.store.runs import now
from kdui.store.store import Store
from kdui.workbench import sweep
from kdui.workbench.limits import Limits

WAITING = (RunState.QUEUED, RunState.RUNNING, RunState.INTERRUPTED)
RESUMABLE = (RunState.CANCELLED, RunState.FAILED)


class Bench(Protocol):
    """What a family needs of the workbench: planning recipes, and what a person does with single runs."""

    store: Store
    limits: Limits

    def plan(self, recipe: Recipe) -> Planned: ...
    def check(self, recipe: Recipe) -> None: ...
    def cancel(self, run_id: str) -> None: ...
    def resume(self, run_id: str) -> None: ...
    def delete(self, run_id: str) -> None: ...


class Families:
    """Sweeps of one workbench."""

    def __init__(self, bench: Bench):
        self.bench, self.store = bench, bench.store

    # --- making one ----------------------------------------------------------------------------------------------------------

    def grid(self, recipe: Recipe, values: Mapping[str, Sequence[Any]], device: str = "auto") -> Family:
        """One run for each combination of values; all are checked before the first is queued."""
        sweep.counted(_product(values))
        axes = [Axis(name=name, values=tuple(each)) for name, each in values.items()]
        return self._made(recipe, sweep.kind_of(values), axes, list(sweep.grid_values(values)), device)

    def random(self, recipe: Recipe, axes: Sequence[Axis], count: int, device: str = "auto", draw_seed: int = 0) -> Family:
        """``count`` draws from values and ranges; fewer where there are no more combinations."""
        drawn = sweep.drawn(axes, sweep.counted(count), draw_seed)
        return self._made(recipe, "random", axes, drawn, device, draw_seed=draw_seed)

    def listed(self, recipe: Recipe, rows: Sequence[Mapping[str, Any]], device: str = "auto") -> Family:
        """One run for each row of settings; a row that repeats another counts once."""
        sweep.counted(len(rows))
        values = sweep.unlike([dict(row) for row in rows], [])
        names = dict.fromkeys(name for row in values for name in row)
        axes = [Axis(name=name, values=_seen(row[name] for row in values if name in row)) for name in names]
        return self._made(recipe, "list", axes, values, device)

    def _made(
        self, recipe: Recipe, kind: FamilyKind, axes: Sequence[Axis], values: list[dict[str, Any]], device: str, **more: Any
    ) -> Family:
        require(Role.RUNNER, "queue runs")
        machine.require_device(device)
        self.bench.limits.queue(len(values))
        for each in values:
            self.bench.check(sweep.recipe_of(recipe, each))
        family = self.store.families.create(
            name=recipe.name or recipe.task,
            kind=kind,
            task=recipe.task,
            device=device,
            created=now(),
            spec={"recipe": recipe.model_dump(mode="json"), "axes": [axis.model_dump() for axis in axes], **more},
            values=values,
        )
        self.fill(family)
        return family

    def fill(self, family: Family) -> None:
        """Queue the members that have no run yet. One that cannot run is noted with the reason and stops none of the others."""
        for member in self.store.families.members(family.id):
            if member.run is None and not member.outcome:
                self.queue(family, member)

    def queue(self, family: Family, member: Member) -> Run | None:
        """Queue one member's run; None where it cannot run (the reason is its outcome) or somebody else has queued it."""
        try:
            planned = self.bench.plan(sweep.recipe_of(base_of(family), member.values))
            run = self.store.runs.create(*planned, family.device, member=(family.id, member.number))
        except StateConflict:
            return None
        except RecipeError as error:
            self.store.families.conclude(family.id, member.number, {"refused": str(error)})
            return None
        self.store.events(run.id).append("state", state="queued")
        return run

    # --- as one thing --------------------------------------------------------------------------------------------------------

    def runs(self, family_id: str) -> list[Run]:
        """The runs of its members in their order."""
        return [self.store.runs.get(member.run) for member in self.store.families.members(family_id) if member.run]

    def pause(self, family_id: str) -> None:
        """What runs goes on to its end; what waits is not started until the family is resumed."""
        self._require_own(family_id, "pause this family")
        self._change(family_id, (FamilyState.ACTIVE,), "be paused", state=FamilyState.PAUSED)

    def cancel(self, family_id: str) -> None:
        """Stop all of it; finished runs and stages stay, and resume goes on from them."""
        self._require_own(family_id, "cancel this family")
        sources = (FamilyState.ACTIVE, FamilyState.PAUSED)
        self._change(family_id, sources, "be cancelled", state=FamilyState.CANCELLED)
        self._each(family_id, WAITING, self.bench.cancel)

    def resume(self, family_id: str) -> None:
        """Let a paused family go on; queue again what was cancelled or failed, and what was never queued."""
        family = self._require_own(family_id, "resume this family")
        if family.state is FamilyState.ENDED:
            raise StateConflict(f"This search has ended: {family.note} Extend it to go on.")
        self.store.families.change(family_id, tuple(FamilyState), state=FamilyState.ACTIVE)
        if family.state is not FamilyState.PAUSED:
            self._each(family_id, RESUMABLE, self.bench.resume)
        self.fill(family)

    def extend(self, family_id: str, values: Mapping[str, Sequence[Any]] | None = None, count: int = 0) -> int:
        """More of a sweep, nothing of it twice: further values of a grid's or list's settings, or ``count`` further draws.

        Returns how many runs were added. Raises RecipeError in words where none would be.
        """
        family = self._require_own(family_id, "extend this family")
        known = [member.values for member in self.store.families.members(family_id)]
        axes = [*axes_of(family)]
        if family.kind == "random":
            wanted = sweep.drawn(axes, sweep.counted(count), int(family.spec.get("draw_seed", 0)), known)
        else:
            axes = _wider(axes, values or {}, base_of(family))
            every = {axis.name: axis.values for axis in axes}
            sweep.counted(_product(every))
            known_in_full = [_in_full(each, axes, base_of(family)) for each in known]
            wanted = sweep.unlike(list(sweep.grid_values(every)), known_in_full)
        if not wanted:
            raise RecipeError("This sweep has all of these runs already. Give values that it lacks.")
        sweep.counted(len(known) + len(wanted))
        self.bench.limits.queue(len(wanted))
        for each in wanted:
            self.bench.check(sweep.recipe_of(base_of(family), each))
        spec = {**family.spec, "axes": [axis.model_dump() for axis in axes]}
        self.store.families.change(family_id, tuple(FamilyState), spec=spec, state=FamilyState.ACTIVE)
        self.store.families.add(family_id, wanted)
        self.fill(self.store.families.get(family_id))
        return len(wanted)

    def delete(self, family_id: str) -> None:
        """Delete it with its runs and the artifacts that no other run refers to; refused while one of them runs."""
        self._require_own(family_id, "delete this family")
        runs = self._in_states(family_id, tuple(RunState))
        if any(state is RunState.RUNNING for state in runs.values()):
            raise StateConflict("Runs of this family are running. Cancel it first.")
        self.store.families.get(family_id)
        self.store.families.change(family_id, tuple(FamilyState), state=FamilyState.CANCELLED)
        for run in runs:
            self.bench.delete(run)
        self.store.families.remove(family_id)

    def facts(self, family_id: str) -> list[RunFacts]:
        """Where its runs stand, without those that another version has written."""
        every = []
        for member in self.store.families.members(family_id):
            with contextlib.suppress(KduiError):
                every += [self.store.runs.facts(member.run)] if member.run else []
        return every

    def _require_own(self, family_id: str, what: str) -> Family:
        """The family; raises NotAllowed where it is somebody else's."""
        family = self.store.families.get(family_id)
        require_own(family.queued_by, what)
        return family

    def _change(self, family_id: str, sources: tuple[FamilyState, ...], words: str, **values: Any) -> None:
        if not self.store.families.change(family_id, sources, **values):
            state = self.store.families.get(family_id).state
            raise StateConflict(f"This family is {state} and cannot {words}.")

    def _each(self, family_id: str, states: Sequence[RunState], act: Callable[[str], None]) -> None:
        """Do it to its runs in these states; a trial that a search has stopped on purpose is left alone."""
        concluded = {member.run for member in self.store.families.members(family_id) if member.outcome}
        for run in self._in_states(family_id, states):
            if run in concluded:
                continue
            try:
                act(run)
            except StateConflict:
                continue  # it ended, or was taken up, between the look and now

    def _in_states(self, family_id: str, states: Sequence[RunState]) -> dict[str, RunState]:
        return {run.id: run.state for run in self.facts(family_id) if run.state in states}


def base_of(family: Family) -> Recipe:
    """The recipe that its members vary."""
    return Recipe.model_validate(family.spec["recipe"])


def axes_of(family: Family) -> list[Axis]:
    """The settings that vary."""
    return [Axis.model_validate(axis) for axis in family.spec["axes"]]


def _product(values: Mapping[str, Sequence[Any]]) -> int:
    count = 1
    for each in values.values():
        count *= len(each)
    return count


def _seen(values: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _wider(axes: list[Axis], values: Mapping[str, Sequence[Any]], recipe: Recipe) -> list[Axis]:
    """The axes with further values; a setting that did not vary begins with the value that all members have."""
    by_name = {axis.name: axis for axis in axes}
    for name, more in values.items():
        before = by_name[name].values if name in by_name else (value_of(recipe, name),)
        by_name[name] = Axis(name=name, values=_seen((*before, *more)))
    return list(by_name.values())


def _in_full(values: Mapping[str, Any], axes: Sequence[Axis], recipe: Recipe) -> dict[str, Any]:
    """A member's values on all axes: on one that joined later, what its recipe says."""
    return {axis.name: values[axis.name] if axis.name in values else value_of(recipe, axis.name) for axis in axes}


def value_of(recipe: Recipe, name: str) -> Any:
    """What a recipe says of a dotted setting, or its method's default; raises RecipeError where it has none of that name."""
    from kdui.catalogue.methods import METHODS

    head, _, knob = name.partition(".")
    if not knob:
        return getattr(recipe, head)
    stage = next((stage for stage in recipe.stages if stage.name == head), None)
    if stage is None:
        model = getattr(recipe, head, None)
        if model is None or knob not in model.options:
            raise RecipeError(f"'{name}' is no setting that this sweep's recipe holds.")
        return model.options[knob]
    if knob in stage.settings:
        return stage.settings[knob]
    field = METHODS[stage.method].spec.model_fields.get(knob)
    if field is None:
        raise RecipeError(f"'{stage.name}' has no setting '{knob}'.")
    return field.get_default(call_default_factory=True)
