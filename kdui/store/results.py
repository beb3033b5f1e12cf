"""Measurements in the database, and the one table that charts read."""

import itertools
import math
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Engine, Float, Select, bindparam, delete, func, insert, or_, select
from sqlalchemy.engine import Row, RowMapping

from kdui.core.measurement import Measurement, Provenance
from kdui.core.run import StepState
from kdui.store.patience import in_words
from kdui.store.tables import measurements, members, results, runs, steps

RESULT_COLUMNS = [column.name for column in results.c if column.name not in ("id", "task")]
NUMBER_COLUMNS = frozenset(column.name for column in results.c if isinstance(column.type, Float))


@in_words
class ResultStore:
    """Writes and reads what runs measured."""

    def __init__(self, engine: Engine, patience: float = 0.0):
        self.engine, self.patience = engine, patience

    def record(self, run_id: str, step: str, measured: list[Measurement], row: dict[str, Any]) -> None:
        """Replace what this step of this run measured: every measurement and its chart row, in one transaction."""
        with self.engine.begin() as connection:
            for table in (measurements, results):
                connection.execute(delete(table).where(table.c.run == run_id, table.c.step == step))
            connection.execute(
                insert(measurements),
                [
                    {
                        "run": run_id,
                        "step": step,
                        "metric": item.metric,
                        "value": item.value,
                        "unit": item.unit,
                        "low": item.low,
                        "high": item.high,
                        "higher_is_better": item.higher_is_better,
                        "title": item.title,
                        "samples": list(item.samples),
                        "provenance": item.provenance.model_dump(mode="json"),
                    }
                    for item in measured
                ],
            )
            connection.execute(insert(results).values(run=run_id, step=step, **row))

    def of_run(self, run_id: str) -> dict[str, dict[str, Measurement]]:
        """All measurements of a run: step -> metric -> measurement."""
        by_step: dict[str, dict[str, Measurement]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(
                select(measurements).where(measurements.c.run == run_id).order_by(measurements.c.id)
            ).mappings():
                by_step.setdefault(row["step"], {})[row["metric"]] = _measurement(row)
        return by_step

    def rows_of_run(self, run_id: str) -> list[dict[str, Any]]:
        """The chart rows of a run in the order they were measured."""
        with self.engine.connect() as connection:
            return [
                dict(row)
                for row in connection.execute(select(results).where(results.c.run == run_id).order_by(results.c.id)).mappings()
            ]

    def rows_of_family(self, family: str) -> list[dict[str, Any]]:
        """The chart rows of a family's runs, with the member's ``number``, in the order they were measured."""
        query = select(results, members.c.number).join(members, members.c.run == results.c.run)
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(members.c.family == family).order_by(results.c.id)).mappings()
            return [dict(row) for row in rows]

    def reports(self, method: str, model: str) -> list[str]:
        """Digests of the finished steps of that method in runs that hold the exported model, the newest first."""
        exported = steps.alias()
        query = (
            select(steps.c.digest)
            .join(exported, exported.c.run == steps.c.run)
            .join(runs, runs.c.id == steps.c.run)
            .where(
                exported.c.digest == model,
                steps.c.method == method,
                steps.c.state.in_([StepState.DONE, StepState.CACHED]),
            )
            .order_by(runs.c.created.desc())
        )
        with self.engine.connect() as connection:
            return list(dict.fromkeys(connection.execute(query).scalars()))

    def version(self, task: str) -> tuple[int, int]:
        """Changes whenever the chart rows of a task change: lets a reader keep what it read."""
        with self.engine.connect() as connection:
            count, newest = connection.execute(_version(), {"wanted_task": task}).one()
        return count, newest

    def rows_of_task(self, task: str, after: int = 0) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Chart rows of a task (ids above ``after``) with their run's name, seed and age: column names and tuples."""
        columns = [
            results.c.id,
            *(results.c[name] for name in RESULT_COLUMNS),
            runs.c.name.label("run_name"),
            runs.c.seed,
            runs.c.created,
        ]
        query = (
            select(*columns)
            .join(runs, runs.c.id == results.c.run)
            .where(results.c.task == task, results.c.id > after)
            .order_by(results.c.id)
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query)
            return list(rows.keys()), [tuple(row) for row in rows.all()]

    def front(self, task: str, cost: str, sign: int) -> list[dict[str, Any]]:
        """The chart rows of a task's Pareto front over all its results, cheapest first: none costs less and is better.

        ``cost``: a column of ``tables.FRONT_COSTS``; ``sign``: 1 where a higher headline is better, else -1. One of equals
        counts. The database walks an index of that cost, so nothing but the front leaves it.
        """
        column, value = results.c[cost], results.c.headline * sign
        before = func.max(value).over(order_by=column, rows=(None, -1)).label("before")
        known = (results.c.task == task, column > 0, results.c.headline.is_not(None))
        walked = select(results.c.id, value.label("value"), before).where(*known).subquery()
        better = select(walked.c.id).where(or_(walked.c.before.is_(None), walked.c.value > walked.c.before))
        with self.engine.connect() as connection:
            # Apart: PostgreSQL expects a third of all rows of the first statement, and would read the whole table for the second.
            ids = connection.execute(better).scalars().all()
            query = select(results).where(results.c.id.in_(ids)).order_by(column, value.desc(), results.c.id)
            rows = [dict(row) for row in connection.execute(query).mappings()]
        # Of models that cost the same the database may have met the worse one first.
        best = itertools.accumulate((sign * row["headline"] for row in rows), max, initial=-math.inf)
        return [row for row, before in zip(rows, best, strict=False) if sign * row["headline"] > before]

    def newest_of_model(self, task: str, model: str, roles: Collection[str], limit: int) -> Sequence[Row[Any, Any, Any]]:
        """``headline``, ``latency_ms`` and ``memory_mb`` of a model's newest chart rows in these roles, oldest of them first."""
        wanted = {"wanted_task": task, "wanted_model": model, "wanted_roles": list(roles), "wanted_count": limit}
        with self.engine.connect() as connection:
            return connection.execute(_newest_of_model(), wanted).all()[::-1]

    def newest_headline(self, task: str, model: str, role: str, metric: str) -> Measurement | None:
        """The newest measured headline of a model in a role on a task, whose headline metric has that name."""
        wanted = {"wanted_task": task, "wanted_model": model, "wanted_role": role, "wanted_metric": metric}
        with self.engine.connect() as connection:
            row = connection.execute(_newest_headline(), wanted).mappings().first()
        return None if row is None else _measurement(row)


# Built once: the page asks for them at every turn of a knob and every look at a chart, and making a statement takes longer than
# its answer.
@cache
def _version() -> Select[Any]:
    rows = results.c.task == bindparam("wanted_task")
    return select(func.count(), func.coalesce(func.max(results.c.id), 0)).where(rows)


@cache
def _newest_of_model() -> Select[Any]:
    return (
        select(results.c.headline, results.c.latency_ms, results.c.memory_mb)
        .where(
            results.c.task == bindparam("wanted_task"),
            results.c.model == bindparam("wanted_model"),
            results.c.role.in_(bindparam("wanted_roles", expanding=True)),
        )
        .order_by(results.c.id.desc())
        .limit(bindparam("wanted_count"))
    )


@cache
def _newest_headline() -> Select[Any]:
    newest = (
        select(results.c.run, results.c.step)
        .where(
            results.c.task == bindparam("wanted_task"),
            results.c.model == bindparam("wanted_model"),
            results.c.role == bindparam("wanted_role"),
            results.c.headline.is_not(None),
        )
        .order_by(results.c.id.desc())
        .limit(1)
        .subquery()
    )
    return (
        select(measurements)
        .join(newest, (newest.c.run == measurements.c.run) & (newest.c.step == measurements.c.step))
        .where(measurements.c.metric == bindparam("wanted_metric"))
        .order_by(measurements.c.id.desc())
        .limit(1)
    )


def _measurement(row: RowMapping) -> Measurement:
    fields = {name: row[name] for name in ("metric", "value", "unit", "low", "high", "higher_is_better", "title")}
    return Measurement(samples=tuple(row["samples"]), provenance=Provenance.model_validate(row["provenance"]), **fields)
