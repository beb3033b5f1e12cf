"""Families and their members in the database: what belongs together, and what a person wants of it."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Text, cast, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from kdui.core.errors import StateConflict, UnknownName
from kdui.core.family import Family, FamilyKind, FamilyState, Member
from kdui.core.people import acting
from kdui.core.run import RunState
from kdui.store.patience import in_words
from kdui.store.tables import families, members, runs

PREFIX = "f-"  # of an id: no run is called so


@in_words
class FamilyStore:
    """Reads and writes them; whoever makes a member's run says so in the run's own transaction (``RunStore.create``)."""

    def __init__(self, engine: Engine, patience: float = 0.0):
        self.engine, self.patience = engine, patience

    def create(
        self,
        *,
        name: str,
        kind: FamilyKind,
        task: str,
        device: str,
        created: datetime,
        spec: Mapping[str, Any],
        values: Sequence[Mapping[str, Any]],
        outcomes: Sequence[Mapping[str, Any]] = (),
    ) -> Family:
        """Write it with all its first members at once, so that none is lost when their runs are queued one after the other.

        ``outcomes``: of the members, where they have one from the start; whoever looks after the family never sees it without.
        """
        family = PREFIX + secrets.token_hex(4)
        with self.engine.begin() as connection:
            connection.execute(
                insert(families).values(
                    id=family,
                    name=name,
                    kind=kind,
                    task=task,
                    state=FamilyState.ACTIVE,
                    device=device,
                    created=created,
                    spec=dict(spec),
                    spent_seconds=0.0,
                    note="",
                    queued_by=acting().name,
                )
            )
            if values:
                rows = _rows(family, 0, values)
                for row, outcome in zip(rows, outcomes, strict=False):
                    row["outcome"] = dict(outcome)
                connection.execute(insert(members), rows)
        return self.get(family)

    def get(self, family: str) -> Family:
        """Raises UnknownName with the nearest id."""
        with self.engine.connect() as connection:
            row = connection.execute(select(families).where(families.c.id == family)).mappings().first()
            if row is not None:
                return Family.model_validate(dict(row))
            recent = connection.execute(select(families.c.id).order_by(families.c.created.desc()).limit(20)).scalars().all()
        raise UnknownName("family", family[:64], recent)

    def all(self, *, state: FamilyState | None = None, kind: FamilyKind | None = None) -> list[Family]:
        """The newest first."""
        query = select(families).order_by(families.c.created.desc())
        for column, wanted in ((families.c.state, state), (families.c.kind, kind)):
            query = query.where(column == wanted) if wanted is not None else query
        with self.engine.connect() as connection:
            return [Family.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    def members(self, family: str) -> list[Member]:
        """In the order of their numbers."""
        query = select(members).where(members.c.family == family).order_by(members.c.number)
        with self.engine.connect() as connection:
            return [_member(row) for row in connection.execute(query).mappings()]

    def of_runs(self, run_ids: Iterable[str]) -> dict[str, str]:
        """run -> the family that it belongs to, of those that belong to one."""
        query = select(members.c.run, members.c.family).where(members.c.run.in_(list(run_ids)))
        with self.engine.connect() as connection:
            return {run: family for run, family in connection.execute(query).all()}

    def counts(self, families_wanted: Iterable[str]) -> dict[str, dict[str, int]]:
        """family -> state of its runs -> how many; ``waiting``: members without a run, ``refused``: those that can have none."""
        state, noted = func.coalesce(runs.c.state, "waiting"), cast(members.c.outcome, Text)
        query = (
            select(members.c.family, state, noted, func.count())
            .select_from(members.outerjoin(runs, runs.c.id == members.c.run))
            .where(members.c.family.in_(list(families_wanted)))
            .group_by(members.c.family, state, noted)
        )
        counted: dict[str, dict[str, int]] = {}
        with self.engine.connect() as connection:
            for family, name, outcome, count in connection.execute(query).all():
                kind = "refused" if name == "waiting" and "refused" in outcome else name
                mine = counted.setdefault(family, {})
                mine[kind] = mine.get(kind, 0) + count
        return counted

    def add(self, family: str, values: Sequence[Mapping[str, Any]], first: int | None = None) -> list[int]:
        """Further members; returns their numbers. Raises StateConflict where they would not begin with ``first``."""
        with self.engine.begin() as connection:
            # A write first: two that add at once do so one after the other.
            connection.execute(update(families).where(families.c.id == family).values(state=families.c.state))
            last = connection.execute(select(func.max(members.c.number)).where(members.c.family == family)).scalar()
            following = 0 if last is None else last + 1
            if first not in (None, following):
                raise StateConflict(f"{family} has {following} members by now, not {first}.")
            first = following
            if values:
                connection.execute(insert(members), _rows(family, first, values))
        return list(range(first, first + len(values)))

    def conclude(self, family: str, number: int, outcome: Mapping[str, Any]) -> None:
        """Note what became of a member otherwise than its run says."""
        mine = (members.c.family == family, members.c.number == number)
        with self.engine.begin() as connection:
            connection.execute(update(members).where(*mine).values(outcome=dict(outcome)))

    def change(self, family: str, sources: Iterable[FamilyState], **values: Any) -> bool:
        """Set columns where its state is one of ``sources``; False where it is another by now."""
        mine = (families.c.id == family, families.c.state.in_([str(state) for state in sources]))
        with self.engine.begin() as connection:
            return bool(connection.execute(update(families).where(*mine).values(**values)).rowcount)

    def tick(self, family: Family, now: datetime, most: float) -> bool:
        """Count the time since it was last looked after, at most ``most`` s; False where somebody else counted it meanwhile."""
        passed = (now - family.ticked).total_seconds() if family.ticked else 0.0
        same = (families.c.id == family.id, families.c.ticked.is_not_distinct_from(family.ticked))
        counted = families.c.spent_seconds + min(max(passed, 0.0), most)
        with self.engine.begin() as connection:
            change = update(families).where(*same).values(ticked=now, spent_seconds=counted)
            return bool(connection.execute(change).rowcount)

    def remove(self, family: str) -> None:
        """Delete a family none of whose runs is running; its runs are deleted before, one by one."""
        with self.engine.begin() as connection:
            busy = select(runs.c.id).join(members, members.c.run == runs.c.id)
            busy = busy.where(members.c.family == family, runs.c.state == RunState.RUNNING)
            if connection.execute(busy).first():
                raise StateConflict(f"Runs of {family} are running. Cancel it first.")
            connection.execute(delete(members).where(members.c.family == family))
            connection.execute(delete(families).where(families.c.id == family))


def _member(row: RowMapping) -> Member:
    return Member.model_validate(dict(row))


def _rows(family: str, first: int, values: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"family": family, "number": first + place, "values": dict(each), "run": None, "outcome": {}}
        for place, each in enumerate(values)
    ]
