"""Runs and their steps in the database: each change of state is one atomic update."""

import secrets
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError

from kdui.core.errors import StateConflict, UnknownName
from kdui.core.plain import digest
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.core.run import TRANSITIONS, Run, RunState, StepState, StepStatus
from kdui.store.tables import results, runs, steps

HOST = socket.gethostname()
TIMED_RUNS = 50  # newest runs of a task that time estimates are based on: a long history is not read through


def now() -> datetime:
    """UTC without a zone: what every database stores alike."""
    return datetime.now(UTC).replace(tzinfo=None)


class RunStore:
    """Creates, claims, changes and lists runs."""

    def __init__(self, engine: Engine):
        self.engine = engine

    # --- create and read ---------------------------------------------------------------------------------------

    def create(self, recipe: Recipe, plan: Iterable[Step], device: str, name: str = "") -> Run:
        """Queue a run at the end of the queue."""
        run_id = secrets.token_hex(4)
        with self.engine.begin() as connection:
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
                    position=last + 1.0,
                    created=now(),
                )
            )
            connection.execute(insert(steps), _step_rows(run_id, plan))
        return self.get(run_id)

    def get(self, run_id: str) -> Run:
        """The run with its steps; raises UnknownName with the nearest id."""
        with self.engine.connect() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
            if row is None:
                recent = connection.execute(select(runs.c.id).order_by(runs.c.created.desc()).limit(20)).scalars().all()
                raise UnknownName("run", run_id, recent)
            parts = connection.execute(select(steps).where(steps.c.run == run_id).order_by(steps.c.ordinal)).mappings().all()
        return _as_run(row, parts)

    def page(self, *, state: str | None, task: str | None, text: str, page: int, size: int) -> tuple[list[RowMapping], int]:
        """One page of rows, newest first; and how many match in all."""
        conditions = []
        if state:
            conditions.append(runs.c.state == state)
        if task:
            conditions.append(runs.c.task == task)
        if text:
            like = f"%{text}%"
            conditions.append(or_(*(column.ilike(like) for column in (runs.c.name, runs.c.id, runs.c.teacher, runs.c.student))))
        columns = [column for column in runs.c if column.name != "recipe"]
        with self.engine.connect() as connection:
            total = connection.execute(select(func.count()).select_from(runs).where(*conditions)).scalar() or 0
            query = (
                select(*columns)
                .where(*conditions)
                .order_by(runs.c.created.desc(), runs.c.id)
                .limit(size)
                .offset((page - 1) * size)
            )
            return list(connection.execute(query).mappings().all()), total

    def in_state(self, *states: RunState) -> list[Run]:
        """All runs in these states, in queue order, without their steps."""
        with self.engine.connect() as connection:
            query = select(runs).where(runs.c.state.in_([str(state) for state in states])).order_by(runs.c.position)
            return [_as_run(row, []) for row in connection.execute(query).mappings().all()]

    def counts(self) -> dict[str, int]:
        """Number of runs by state."""
        with self.engine.connect() as connection:
            return {
                state: count
                for state, count in connection.execute(select(runs.c.state, func.count()).group_by(runs.c.state)).all()
            }

    # --- change ------------------------------------------------------------------------------------------------

    def claim(self, slot: str, auto: bool = True, device: str | None = None) -> Run | None:
        """Give the first fitting queued run to a free slot of this host; None when there is none or the slot is taken.

        ``auto`` says whether runs without a wish go there too: beside GPUs the CPU takes only those that ask for it. ``device``
        is what the slot is a share of; without it, the slot's own name.

        The database decides: the update needs the state to be queued still, and the unique index refuses a second
        running run on one slot. So any number of dispatchers may try at once.
        """
        asked = runs.c.device == (device or slot)
        wanted = or_(asked, runs.c.device == "auto") if auto else asked
        first = (
            select(runs.c.id).where(runs.c.state == RunState.QUEUED, wanted).order_by(runs.c.position).limit(1).scalar_subquery()
        )
        change = (
            update(runs)
            .where(runs.c.id == first, runs.c.state == RunState.QUEUED)
            .values(
                state=RunState.RUNNING,
                slot=slot,
                host=HOST,
                pid=None,
                started=func.coalesce(runs.c.started, now()),
                finished=None,
                heartbeat=now(),
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
        return self.get(run_id) if run_id else None

    def transition(self, run_id: str, to: RunState, *, seen: Run | None = None, **values: Any) -> None:
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
            raise StateConflict(f"Run {run_id} is {self.get(run_id).state} and cannot become {to}.")

    def update(self, run_id: str, **values: Any) -> bool:
        """Set columns of a run; False when it is gone."""
        with self.engine.begin() as connection:
            return bool(connection.execute(update(runs).where(runs.c.id == run_id).values(**values)).rowcount)

    def beat(self, run: Run, progress: float, eta_seconds: float | None) -> bool:
        """Heartbeat of the worker; True when it must stop: somebody asked to cancel, or the run is no longer this worker's."""
        with self.engine.begin() as connection:
            change = (
                update(runs)
                .where(runs.c.id == run.id, runs.c.state == RunState.RUNNING, *_same_attempt(run))
                .values(heartbeat=now(), progress=progress, eta_seconds=eta_seconds)
                .returning(runs.c.cancel_requested)
            )
            asked = connection.execute(change).scalar()
        return asked is None or bool(asked)

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
        """Move a queued run by so many places: negative is earlier. At the ends it stays."""
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
        """Delete a run that is not running; returns the digests that no other run refers to any more."""
        run = self.get(run_id)
        if run.state is RunState.RUNNING:
            raise StateConflict(f"Run {run_id} is running. Cancel it first.")
        mine = {step.digest for step in run.steps}
        with self.engine.begin() as connection:
            connection.execute(delete(steps).where(steps.c.run == run_id))
            connection.execute(delete(runs).where(runs.c.id == run_id))
            kept = set(connection.execute(select(steps.c.digest).where(steps.c.digest.in_(mine))).scalars().all())
        return sorted(mine - kept)

    def newest_step(self, task: str, column: str, model: str, produces: str, role: str | None, *, ending: str = "") -> str | None:
        """Digest of the newest finished step of that kind in a run whose ``column`` (teacher or student) is ``model``;
        ``ending``: how the step's name ends."""
        role_is = steps.c.role.is_(None) if role is None else steps.c.role == role
        query = (
            select(steps.c.digest)
            .join(runs, runs.c.id == steps.c.run)
            .where(
                runs.c.task == task,
                runs.c[column] == model,
                steps.c.produces == produces,
                steps.c.name.endswith(ending, autoescape=True),
                role_is,
                steps.c.state.in_([StepState.DONE, StepState.CACHED]),
            )
            .order_by(runs.c.created.desc(), steps.c.ordinal)
            .limit(1)
        )
        with self.engine.connect() as connection:
            return connection.execute(query).scalar()

    def measured_step(self, onnx_digest: str) -> tuple[str, str] | None:
        """Task and digest of the newest measurement of the model with that ONNX artifact."""
        query = (
            select(runs.c.task, steps.c.digest)
            .join(results, (results.c.run == steps.c.run) & (results.c.step == steps.c.name))
            .join(runs, runs.c.id == steps.c.run)
            .where(results.c.digest == onnx_digest)
            .order_by(results.c.id.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).first()
        return (row[0], row[1]) if row else None

    def recipes(self, run_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The plain recipes of runs by id."""
        wanted = list(run_ids)
        found: dict[str, dict[str, Any]] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(wanted), 500):
                query = select(runs.c.id, runs.c.recipe).where(runs.c.id.in_(wanted[start : start + 500]))
                found.update((run_id, recipe) for run_id, recipe in connection.execute(query).all())
        return found

    def expected_seconds(self, digest_or_labels: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], float]:
        """Median seconds that (task, method, label) took in finished runs: the basis of time estimates."""
        wanted = set(digest_or_labels)
        if not wanted:
            return {}
        tasks = {task for task, _, _ in wanted}
        newest = select(runs.c.id).where(runs.c.task.in_(tasks)).order_by(runs.c.created.desc()).limit(TIMED_RUNS)
        query = (
            select(runs.c.task, steps.c.method, steps.c.label, steps.c.seconds)
            .join(runs, runs.c.id == steps.c.run)
            .where(runs.c.id.in_(newest), steps.c.state == StepState.DONE, steps.c.seconds.is_not(None))
        )
        found: dict[tuple[str, str, str], list[float]] = {}
        with self.engine.connect() as connection:
            for task, method, label, seconds in connection.execute(query).all():
                if (task, method, label) in wanted:
                    found.setdefault((task, method, label), []).append(seconds)
        return {key: sorted(values)[len(values) // 2] for key, values in found.items()}


def _same_attempt(seen: Run) -> tuple[ColumnElement[bool], ...]:
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


def _as_run(row: RowMapping, parts: Iterable[RowMapping]) -> Run:
    fields = {
        name: row[name]
        for name in (
            "id",
            "name",
            "state",
            "device",
            "slot",
            "position",
            "created",
            "started",
            "finished",
            "heartbeat",
            "attempts",
            "pid",
            "host",
            "error",
            "cancel_requested",
        )
    }
    statuses = tuple(StepStatus(**{name: part[name] for name in StepStatus.model_fields}) for part in parts)
    return Run(recipe=Recipe.model_validate(row["recipe"]), steps=statuses, **fields)
