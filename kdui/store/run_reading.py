"""What the database says of runs: one, a page of them, those in a state, and what finished ones teach about the next.

A row that this program cannot read, e.g. one of a newer version, is told on its own and never keeps the others from being read.
"""

import contextlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, CompoundSelect, DateTime, Engine, Select, Text, bindparam, case, cast, func, or_, select

from kdui.core.errors import RunUnreadable, UnknownName
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunFacts, RunState, StepState, StepStatus
from kdui.store.tables import marks, members, results, runs, steps

TIMED_RUNS = 50  # newest runs of a task that time estimates are based on: a long history is not read through
_FACTS = [runs.c[name] for name in RunFacts.model_fields]


class Work(NamedTuple):
    """What steps of a method took in all runs together; ``cached``: those that the store already held."""

    method: str
    cached: bool
    steps: int
    seconds: float


class RunReader:
    """Reads runs; ``RunStore`` adds what changes them."""

    def __init__(self, engine: Engine, patience: float = 0.0):
        self.engine, self.patience = engine, patience

    def get(self, run_id: str) -> Run:
        """The run with its steps; raises UnknownName with the nearest id, RunUnreadable in words."""
        facts = self.facts(run_id)
        with self.engine.connect() as connection:
            recipe = connection.execute(select(cast(runs.c.recipe, Text)).where(runs.c.id == run_id)).scalar()
            parts = connection.execute(select(steps).where(steps.c.run == run_id).order_by(steps.c.ordinal)).mappings().all()
        if reason := why_unreadable(recipe):
            raise _unreadable(run_id, reason)
        try:
            statuses = tuple(StepStatus(**{name: part[name] for name in StepStatus.model_fields}) for part in parts)
            return Run(recipe=Recipe.model_validate(json.loads(recipe or "")), steps=statuses, **facts.model_dump())
        except ValueError as error:
            raise _unreadable(run_id, _first(error)) from None

    def facts(self, run_id: str) -> RunFacts:
        """The run without recipe and steps, which another version may have written; raises as ``get`` does."""
        with self.engine.connect() as connection:
            try:
                row = connection.execute(select(*_FACTS).where(runs.c.id == run_id)).mappings().first()
                if row is not None:
                    return RunFacts.model_validate(dict(row))
            except ValueError as error:
                raise _unreadable(run_id, _first(error)) from None
            recent = connection.execute(select(runs.c.id).order_by(runs.c.created.desc()).limit(20)).scalars().all()
            raise UnknownName("run", run_id, recent)

    def page(
        self,
        *,
        state: str | None,
        task: str | None,
        text: str,
        page: int,
        size: int,
        queue_first: bool = False,
        fold: bool = False,
        family: str | None = None,
    ) -> tuple[list[dict[str, Any]], int]:
        """One page of rows, newest first, and how many match in all; ``unreadable`` says why a run cannot be opened, if so.

        ``queue_first``: what runs, then what waits in the order in which it starts, then what is pinned, then the rest.
        ``text``: a part of a name, id, model, tag or note. ``fold``: of each family the first row alone; ``family``: one's runs.
        """
        conditions: list[ColumnElement[bool]] = []
        if state:
            conditions.append(runs.c.state == state)
        if task:
            conditions.append(runs.c.task == task)
        if text:
            like = f"%{text}%"
            noted = select(marks.c.run).where(or_(marks.c.tags.ilike(like), marks.c.note.ilike(like)))
            named = (column.ilike(like) for column in (runs.c.name, runs.c.id, runs.c.teacher, runs.c.student))
            conditions.append(or_(*named, runs.c.id.in_(noted)))
        if family:
            conditions.append(runs.c.id.in_(select(members.c.run).where(members.c.family == family)))
        apart = _ahead() if queue_first else None  # what does not stand in the order of time
        hidden = _folded(conditions, queue_first) if fold else None
        if hidden is not None:
            conditions.append(runs.c.id.not_in(hidden))
        skipped = (page - 1) * size
        with self.engine.connect() as connection:
            total = connection.execute(select(func.count()).select_from(runs).where(*conditions)).scalar() or 0
            ids: list[str] = []
            if apart is not None:
                first = (*conditions, runs.c.id.in_(apart))
                ahead = connection.execute(select(func.count()).select_from(runs).where(*first)).scalar() or 0
                if skipped < ahead:
                    head = select(runs.c.id).where(*first).order_by(*_order(True)).limit(size).offset(skipped)
                    ids += connection.execute(head).scalars()
                skipped = max(0, skipped - ahead)
                conditions.append(runs.c.id.not_in(apart))
            if len(ids) < size:
                # Ids alone, which an index holds in this order: a sort of whole rows would carry every recipe through it.
                rest = select(runs.c.id).where(*conditions).order_by(*_order(False)).limit(size - len(ids)).offset(skipped)
                ids += connection.execute(rest).scalars()
        return self.rows(ids), total

    def rows(self, run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """A row of the table of runs for each of these that is stored, in their order; ``unreadable`` as in ``page``."""
        places = {run_id: place for place, run_id in enumerate(run_ids)}
        plain = [column for column in runs.c if column.name != "recipe"]
        columns = [*plain, cast(runs.c.recipe, Text).label("recipe"), members.c.family]
        together = runs.outerjoin(members, members.c.run == runs.c.id)
        query = select(*columns).select_from(together).where(runs.c.id.in_(run_ids))
        read_rows = []
        for row in sorted(self._rows(query), key=lambda row: places[row["id"]]):
            reason = why_unreadable(row.pop("recipe", None))
            read_rows.append({**row, "unreadable": row.get("unreadable") or reason})
        return read_rows

    def first_in_queue(self, task: str) -> str | None:
        """The id of a running run of the task, else of the next one that waits."""
        query = (
            select(runs.c.id, runs.c.task)
            .where(runs.c.state.in_([str(RunState.RUNNING), str(RunState.QUEUED)]))
            .order_by(case((runs.c.state == RunState.RUNNING, 0), else_=1), runs.c.position, runs.c.created.desc())
        )
        with self.engine.connect() as connection:
            # The task is compared here: few runs wait, and a database that goes by the task looks at all that ever ran.
            return next((run_id for run_id, of_task in connection.execute(query).all() if of_task == task), None)

    def taken_slots(self, host: str) -> set[str]:
        """The slots of a host on which a run is running."""
        query = select(runs.c.slot).where(runs.c.state == RunState.RUNNING, runs.c.host == host)
        with self.engine.connect() as connection:
            return {slot for slot in connection.execute(query).scalars() if slot}

    def in_state(self, *states: RunState) -> list[RunFacts]:
        """All runs in these states, in queue order; their recipes are not looked at."""
        query = select(*_FACTS).where(runs.c.state.in_([str(state) for state in states])).order_by(runs.c.position)
        matching = []
        for row in self._rows(query):
            with contextlib.suppress(ValueError):  # the table of runs says so
                matching.append(RunFacts.model_validate(self._bare(row["id"]) if "unreadable" in row else row))
        return matching

    def _bare(self, run_id: str) -> dict[str, Any]:
        """What is left of a row whose times cannot be read: enough to tell whether somebody works on it."""
        columns = [column for column in _FACTS if not isinstance(column.type, DateTime)]
        with self.engine.connect() as connection:
            row = connection.execute(select(*columns).where(runs.c.id == run_id)).mappings().one()
        return {**row, "created": datetime(1970, 1, 1)}

    def _rows(self, query: Select[Any]) -> list[dict[str, Any]]:
        """The rows of a query on runs; where one holds what no column of its kind can, the others come alone."""
        with self.engine.connect() as connection:
            try:
                return [dict(row) for row in connection.execute(query).mappings()]
            except ValueError:  # SQLite keeps any text in any column
                ids = connection.execute(query.with_only_columns(runs.c.id)).scalars().all()
            read_rows: list[dict[str, Any]] = []
            for run_id in ids:
                try:
                    row = connection.execute(query.where(runs.c.id == run_id).offset(0)).mappings().one()
                    read_rows.append(dict(row))
                except ValueError as error:
                    read_rows.append({"id": run_id, "unreadable": str(error)[:200]})
            return read_rows

    def ends(self) -> dict[str, tuple[str, datetime | None]]:
        """Every run's state and, where it has ended for now, when (UTC)."""
        rows = self._rows(select(runs.c.id, runs.c.state, runs.c.finished))
        return {row["id"]: (row.get("state", ""), row.get("finished")) for row in rows}

    def counts(self) -> dict[str, int]:
        """Number of runs by state."""
        with self.engine.connect() as connection:
            return {
                state: count
                for state, count in connection.execute(select(runs.c.state, func.count()).group_by(runs.c.state)).all()
            }

    def work(self) -> list[Work]:
        """The ended steps of all stored runs by method, computed ones apart from cached ones; seconds in s."""
        count, total = func.count(), func.coalesce(func.sum(steps.c.seconds), 0.0)
        query = (
            select(steps.c.method, steps.c.state, count, total)
            .where(steps.c.state.in_([StepState.DONE, StepState.CACHED]))
            .group_by(steps.c.method, steps.c.state)
            .order_by(steps.c.method, steps.c.state)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Work(method, state == StepState.CACHED, number, seconds) for method, state, number, seconds in rows]

    def newest_step(self, task: str, column: str, model: str, produces: str, role: str | None, *, ending: str = "") -> str | None:
        """Digest of the newest finished step of that kind in a run whose ``column`` (teacher or student) is ``model``;
        ``ending``: how the step's name ends."""
        query = _newest_step(column, ending, role is not None)
        with self.engine.connect() as connection:
            wanted = {"wanted_task": task, "wanted_model": model, "wanted_kind": produces}
            return connection.execute(query, wanted if role is None else {**wanted, "wanted_role": role}).scalar()

    def task_and_digests(self, run_id: str) -> tuple[str, dict[str, str]]:
        """A run's task, and the digest of each of its steps by name, without reading its recipe; raises UnknownName."""
        query = (
            select(runs.c.task, steps.c.name, steps.c.digest)
            .select_from(runs.outerjoin(steps, steps.c.run == runs.c.id))
            .where(runs.c.id == run_id)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            self.facts(run_id)
        return rows[0].task, {row.name: row.digest for row in rows if row.name is not None}

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

    def makers(self, digests: Iterable[str]) -> dict[str, str]:
        """The first run that made each of these, as far as runs are still there."""
        query = (
            select(steps.c.digest, steps.c.run)
            .join(runs, runs.c.id == steps.c.run)
            .where(steps.c.digest.in_(list(digests)), steps.c.state == StepState.DONE)
            .order_by(runs.c.created.desc())
        )
        with self.engine.connect() as connection:
            return {made: run for made, run in connection.execute(query).all()}

    def recipes(self, run_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The plain recipes of runs by id, without those that cannot be read."""
        wanted = list(run_ids)
        by_run: dict[str, dict[str, Any]] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(wanted), 500):
                query = select(runs.c.id, cast(runs.c.recipe, Text)).where(runs.c.id.in_(wanted[start : start + 500]))
                read = ((run_id, _recipe(text)) for run_id, text in connection.execute(query).all())
                by_run.update((run_id, recipe) for run_id, recipe in read if recipe is not None)
        return by_run

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
        timed: dict[tuple[str, str, str], list[float]] = {}
        with self.engine.connect() as connection:
            for task, method, label, seconds in connection.execute(query).all():
                if (task, method, label) in wanted:
                    timed.setdefault((task, method, label), []).append(seconds)
        return {key: sorted(values)[len(values) // 2] for key, values in timed.items()}


def _ahead() -> CompoundSelect[Any]:
    """Runs that stand before all others: those that run, wait or are pinned."""
    busy = select(runs.c.id).where(runs.c.state.in_([str(RunState.RUNNING), str(RunState.QUEUED)]))
    return busy.union(select(marks.c.run).where(marks.c.pinned))


def _order(queue_first: bool) -> list[ColumnElement[Any]]:
    """Of the table of runs."""
    newest: list[ColumnElement[Any]] = [runs.c.created.desc(), runs.c.id.desc()]
    if not queue_first:
        return newest
    pinned = runs.c.id.in_(select(marks.c.run).where(marks.c.pinned))
    rank = case((runs.c.state == RunState.RUNNING, 0), (runs.c.state == RunState.QUEUED, 1), (pinned, 2), else_=3)
    return [rank, case((runs.c.state == RunState.QUEUED, runs.c.position)), *newest]


def _folded(conditions: Sequence[ColumnElement[bool]], queue_first: bool) -> Select[Any]:
    """All but the first one of each family's runs that meet the conditions."""
    nth = func.row_number().over(partition_by=members.c.family, order_by=_order(queue_first)).label("nth")
    within = select(runs.c.id, nth).join(members, members.c.run == runs.c.id).where(*conditions).subquery()
    return select(within.c.id).where(within.c.nth > 1)


@lru_cache(maxsize=64)
def _newest_step(column: str, ending: str, has_role: bool) -> Select[Any]:
    """Built once: Build asks for five of them at every turn of a knob, and making one takes longer than its answer."""
    return (
        select(steps.c.digest)
        .join(runs, runs.c.id == steps.c.run)
        .where(
            runs.c.task == bindparam("wanted_task"),
            runs.c[column] == bindparam("wanted_model"),
            steps.c.produces == bindparam("wanted_kind"),
            steps.c.name.endswith(ending, autoescape=True),
            steps.c.role == bindparam("wanted_role") if has_role else steps.c.role.is_(None),
            steps.c.state.in_([StepState.DONE, StepState.CACHED]),
        )
        .order_by(runs.c.created.desc(), steps.c.ordinal)
        .limit(1)
    )


@lru_cache(maxsize=4096)
def why_unreadable(recipe: str | None) -> str:
    """Why a stored recipe cannot be read by this program; empty when it can."""
    try:
        Recipe.model_validate(json.loads(recipe or ""))
    except Exception as error:  # whatever another version wrote
        return _first(error)
    return ""


def _recipe(text: str | None) -> dict[str, Any] | None:
    """A stored recipe as it stands, None where it is none: thousands are read at once, so its settings are not looked at."""
    try:
        recipe = json.loads(text or "")
    except ValueError:
        return None
    stages = recipe.get("stages") if isinstance(recipe, dict) else None
    whole = isinstance(stages, list) and all(isinstance(stage, dict) and "method" in stage for stage in stages)
    return recipe if whole else None


def _first(error: Exception) -> str:
    """The first complaint, without what the row holds."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)[:200]
    complaint = errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in complaint['loc']) or 'recipe'}: {complaint['msg']}"[:200]


def _unreadable(run_id: str, reason: str) -> RunUnreadable:
    return RunUnreadable(
        f"Run {run_id} was written by another version of kdui and cannot be read by this one ({reason}). "
        "Update kdui to open it, or delete the run."
    )
