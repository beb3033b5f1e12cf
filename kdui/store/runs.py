"""Runs and their steps in the database: each change of state is one atomic update."""

import secrets
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, cast, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kdui.core.errors import RunUnreadable, StateConflict
from kdui.core.family import FamilyState
from kdui.core.people import acting
from kdui.core.plain import digest, digests_in
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.core.run import TRANSITIONS, Run, RunFacts, RunState, StepState
from kdui.store.database import take_turns
from kdui.store.patience import in_words
from kdui.store.run_reading import RunReader
from kdui.store.tables import families, members, runs, steps

_RECIPE_TEXT = cast(runs.c.recipe, Text).label("text")  # also of a version that this one cannot read
HOST = socket.gethostname()


def now() -> datetime:
    """UTC without a zone: what every database stores alike."""
    return datetime.now(UTC).replace(tzinfo=None)


@in_words
class RunStore(RunReader):
    """Creates, claims and changes runs, and reads them."""

    def create(
        self, recipe: Recipe, plan: Iterable[Step], device: str, name: str = "", member: tuple[str, int] | None = None
    ) -> Run:
        """Queue a run at the end of the queue, as the ``member`` (family, number) of a family where it is one.

        It is the run of whoever acts; a search's belongs to whoever began that, whichever process looks after it. Raises
        StateConflict where that member has a run already.
        """
        run_id = secrets.token_hex(4)
        with self.engine.begin() as connection:
            whose = select(families.c.queued_by).where(families.c.id == member[0]) if member else None
            take_turns(connection, "queue")  # two that queue at once would share a place
            last = connection.execute(select(func.max(runs.c.position))).scalar() or 0.0
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    name=name or recipe.name or recipe.task,
                    task=recipe.task,
                    teacher=str(recipe.teacher or ""),
                    student=str(recipe.student or ""),
                    seed=recipe.seed,
                    recipe=recipe.model_dump(mode="json"),
                    recipe_digest=recipe.digest,
                    state=RunState.QUEUED,
                    device=device,
                    queued_by=acting().name if whose is None else connection.execute(whose).scalar() or "",
                    position=last + 1.0,
                    created=now(),
                )
            )
            connection.execute(insert(steps), _step_rows(run_id, plan))
            if member:
                _belong(connection, run_id, *member)
        return self.get(run_id)

    def claim(self, slot: str, auto: bool = True, device: str | None = None, host: str = HOST) -> Run | None:
        """Give the first fitting queued run to a free slot of a host; None when there is none or the slot is taken.

        ``auto`` says whether runs without a wish go there too: beside GPUs the CPU takes only those that ask for it. ``device``
        is what the slot is a share of; without it, the slot's own name.

        The database decides: the update needs the state to be queued still, and the unique index refuses a second
        running run on one slot. So any number of dispatchers may try at once; on PostgreSQL each passes over the run that
        another is taking at the moment.
        """
        fitting = runs.c.device == (device or slot)
        wanted = or_(fitting, runs.c.device == "auto") if auto else fitting
        waiting = (runs.c.state == RunState.QUEUED, wanted, runs.c.id.not_in(_paused()))
        first = select(runs.c.id).where(*waiting).order_by(runs.c.position).limit(1).with_for_update(skip_locked=True)
        change = (
            update(runs)
            .where(runs.c.id == first.scalar_subquery(), runs.c.state == RunState.QUEUED)
            .values(
                state=RunState.RUNNING,
                slot=slot,
                host=host,
                pid=None,
                started=func.coalesce(runs.c.started, now()),
                finished=None,
                heartbeat=now(),
                worked=now(),
                attempts=runs.c.attempts + 1,
                cancel_requested=False,
                error=None,
            )
            .returning(runs.c.id)
        )
        try:
            with self.engine.begin() as connection:
                run_id = connection.execute(change).scalar()
        except IntegrityError:
            return None
        if run_id is None:
            return None
        try:
            return self.get(run_id)
        except RunUnreadable as error:  # it gives its slot to the next one
            self.transition(run_id, RunState.FAILED, error=str(error))
            return None

    def transition(self, run_id: str, to: RunState, *, seen: RunFacts | None = None, **values: Any) -> None:
        """Change the state in one update; raises StateConflict when the run is not where this may start from.

        With ``seen`` it must still be the same attempt of the same process: what was decided about a dead worker must not
        hit the one that took its place. A step that was under way waits again once the run has stopped, a failed one once it is
        queued again.
        """
        sources = [str(state) for state, targets in TRANSITIONS.items() if to in targets]
        conditions = [runs.c.id == run_id, runs.c.state.in_(sources), *(_same_attempt(seen) if seen else ())]
        if to.is_final or to is RunState.INTERRUPTED:
            values.setdefault("finished", now())
        if to is RunState.QUEUED:
            values |= {"cancel_requested": False, "finished": None, "slot": None, "pid": None, "error": None}
        with self.engine.begin() as connection:
            changed = connection.execute(update(runs).where(*conditions).values(state=to, **values)).rowcount
            if changed and to is not RunState.RUNNING:
                ended = (StepState.RUNNING, StepState.FAILED) if to is RunState.QUEUED else (StepState.RUNNING,)
                connection.execute(
                    update(steps)
                    .where(steps.c.run == run_id, steps.c.state.in_(ended))
                    .values(state=StepState.WAITING, progress=0.0, eta_seconds=None)
                )
        if not changed:
            raise StateConflict(f"Run {run_id} is {self.facts(run_id).state} and cannot become {to}.")

    def update(self, run_id: str, **values: Any) -> bool:
        """Set columns of a run; False when it is gone."""
        with self.engine.begin() as connection:
            return bool(connection.execute(update(runs).where(runs.c.id == run_id).values(**values)).rowcount)

    def beat(
        self,
        run: RunFacts,
        progress: float,
        eta_seconds: float | None,
        *,
        worked: bool = True,
        step: tuple[str, float, float | None] | None = None,
    ) -> bool:
        """Heartbeat of the worker; True when it must stop: somebody asked to cancel, or the run is no longer this worker's.

        ``worked``: whether the work itself, not the thread that beats, gave a sign of life since the last beat; ``step``: name,
        share done and seconds left of the step that runs.
        """
        sign = {"worked": now()} if worked else {}
        change = (
            update(runs)
            .where(runs.c.id == run.id, runs.c.state == RunState.RUNNING, *_same_attempt(run))
            .values(heartbeat=now(), progress=progress, eta_seconds=eta_seconds, **sign)
            .returning(runs.c.cancel_requested)
        )
        with self.engine.begin() as connection:
            cancel_requested = connection.execute(change).scalar()
            if step and cancel_requested is not None:
                name, done, left = step
                its = (steps.c.run == run.id, steps.c.name == name, steps.c.state == StepState.RUNNING)
                connection.execute(update(steps).where(*its).values(progress=done, eta_seconds=left))
        return cancel_requested is None or bool(cancel_requested)

    def saw_work(self, run: RunFacts) -> None:
        """Note that a worker that does not beat was seen working from outside."""
        with self.engine.begin() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id, *_same_attempt(run)).values(worked=now()))

    def last_position(self) -> float:
        """The place of whoever stands last in the queue."""
        with self.engine.connect() as connection:
            return connection.execute(select(func.max(runs.c.position))).scalar() or 0.0

    def wait_for_a_person(self, run_id: str, error: str, fruitless: int) -> bool:
        """Note why an interrupted run does not continue on its own; False when that is noted already, or it continued."""
        change = update(runs).where(runs.c.id == run_id, runs.c.state == RunState.INTERRUPTED, runs.c.error.is_(None))
        with self.engine.begin() as connection:
            return bool(connection.execute(change.values(error=error, fruitless=fruitless)).rowcount)

    def set_step(self, run_id: str, name: str, **values: Any) -> None:
        """Set columns of one step."""
        with self.engine.begin() as connection:
            connection.execute(update(steps).where(steps.c.run == run_id, steps.c.name == name).values(**values))

    def replace_steps(self, run_id: str, plan: Iterable[Step]) -> None:
        """Write the plan of a run anew, e.g. after an upgrade changed a method's version."""
        with self.engine.begin() as connection:
            connection.execute(delete(steps).where(steps.c.run == run_id))
            connection.execute(insert(steps), _step_rows(run_id, plan))

    def move(self, run_id: str, places: int) -> None:
        """Move a queued run by this many places: negative is earlier. At the ends it stays."""
        queue = (
            select(runs.c.id, runs.c.position)
            .where(runs.c.state == RunState.QUEUED)
            .order_by(runs.c.position, runs.c.created)
            .with_for_update()
        )
        with self.engine.begin() as connection:
            # A write first: it locks the queue on SQLite too, so that two people who move at once do so one after the other.
            connection.execute(update(runs).where(runs.c.id == run_id).values(position=runs.c.position))
            waiting = connection.execute(queue).all()
            ids = [run for run, _ in waiting]
            if run_id not in ids:
                raise StateConflict(f"Run {run_id} is not waiting in the queue, so it cannot be moved.")
            new = max(0, min(len(ids) - 1, ids.index(run_id) + places))
            ids.remove(run_id)
            ids.insert(new, run_id)
            # The same places are dealt out anew, so that however often runs are moved no two come to share one.
            for name, (before, position) in zip(ids, waiting, strict=True):
                if name != before:
                    connection.execute(update(runs).where(runs.c.id == name).values(position=position))

    def remove(self, run_id: str) -> list[str]:
        """Delete a run that is not running; returns the digests that no other run refers to any more.

        A run refers to what its steps make and to what its recipe names (``artifact:DIGEST``, wherever in it).
        """
        with self.engine.begin() as connection:
            # A write first: no dispatcher can claim the run between the look and its end.
            connection.execute(update(runs).where(runs.c.id == run_id).values(position=runs.c.position))
            row = connection.execute(select(runs.c.state, _RECIPE_TEXT).where(runs.c.id == run_id)).first()
            if row is None:
                self.facts(run_id)  # raises with the nearest id
                return []
            if row.state == RunState.RUNNING:
                raise StateConflict(f"Run {run_id} is running. Cancel it first.")
            mine = set(connection.execute(select(steps.c.digest).where(steps.c.run == run_id)).scalars())
            mine |= digests_in(row.text or "")
            connection.execute(delete(steps).where(steps.c.run == run_id))
            connection.execute(delete(runs).where(runs.c.id == run_id))
            kept = set(connection.execute(select(steps.c.digest).where(steps.c.digest.in_(mine))).scalars().all())
            for text in connection.execute(select(_RECIPE_TEXT).where(_RECIPE_TEXT.contains("artifact"))).scalars():
                kept |= digests_in(text)
        return sorted(mine - kept)


def _belong(connection: Connection, run_id: str, family: str, number: int) -> None:
    """Make a run a member's own; raises StateConflict where it has one, so that the whole transaction is undone."""
    mine = (members.c.family == family, members.c.number == number, members.c.run.is_(None))
    if not connection.execute(update(members).where(*mine).values(run=run_id)).rowcount:
        raise StateConflict(f"Member {number} of {family} has a run already, or is no longer there.")


def _paused() -> Select[Any]:
    """The runs of paused families: they wait although it is their turn."""
    of_paused = select(members.c.run).join(families, families.c.id == members.c.family)
    return of_paused.where(families.c.state == FamilyState.PAUSED, members.c.run.is_not(None))


def _same_attempt(seen: RunFacts) -> tuple[ColumnElement[bool], ...]:
    return runs.c.attempts == seen.attempts, runs.c.pid.is_not_distinct_from(seen.pid)


def group_digest(recipe: Recipe, step: str) -> str:
    """Names repeats: the same step of recipes that differ in the seed alone."""
    return digest([recipe.model_dump(mode="json", exclude={"name", "summary", "seed"}), step])


def _step_rows(run_id: str, plan: Iterable[Step]) -> list[dict[str, Any]]:
    return [
        {
            "run": run_id,
            "ordinal": number,
            "name": step.name,
            "stage": step.stage,
            "method": step.method,
            "role": step.role,
            "label": step.label,
            "produces": step.produces,
            "digest": step.digest,
            "state": StepState.WAITING,
        }
        for number, step in enumerate(plan)
    ]
