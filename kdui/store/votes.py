"""Blind votes in the database: ballots that are open, and those that somebody has voted on."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from kdui.core.errors import StateConflict, StoreError, UnknownName
from kdui.core.votes import Ballot, Choice
from kdui.store.patience import in_words
from kdui.store.tables import votes

MOST = 100_000  # rows, so that nobody fills the disk with them


@in_words
class VoteStore:
    """Reads and writes them."""

    def __init__(self, engine: Engine, patience: float = 0.0):
        self.engine, self.patience = engine, patience

    def open(self, ballot: Ballot) -> None:
        """Put it in the place of the ballot on this task that its voter left open; raises StoreError where there are too many."""
        first, other = ballot.pair
        values = ballot.model_dump(exclude={"a", "b", "choice"})
        with self.engine.begin() as connection:
            left = votes.c.choice.is_(None) & (votes.c.voter == ballot.voter) & (votes.c.task == ballot.task)
            connection.execute(delete(votes).where(left))
            if connection.execute(select(func.count()).select_from(votes)).scalar_one() >= MOST:
                raise StoreError(f"There are {MOST:,} votes already. Save them as CSV and reset a task's tally first.")
            connection.execute(insert(votes).values(**values, first=first, other=other, first_is_a=ballot.a == first))

    def ballot(self, ballot_id: str) -> Ballot:
        """Raises UnknownName for one that there is not, or no more."""
        with self.engine.connect() as connection:
            row = connection.execute(select(votes).where(votes.c.id == ballot_id)).mappings().first()
        if row is None:
            raise UnknownName("ballot", ballot_id[:40], ())
        return _ballot(row)

    def vote(self, ballot_id: str, voter: str, choice: Choice) -> Ballot:
        """Count it; raises StateConflict where the ballot is somebody else's or there is a vote already."""
        mine = (votes.c.id == ballot_id) & (votes.c.voter == voter) & votes.c.choice.is_(None)
        try:
            with self.engine.begin() as connection:
                counted = connection.execute(update(votes).where(mine).values(choice=choice.value)).rowcount
        except IntegrityError:
            counted = 0
        if not counted:
            raise StateConflict("This vote was not counted: you have voted on these answers before, or began another vote.")
        return self.ballot(ballot_id)

    def of_task(self, task: str) -> list[Ballot]:
        """All that were voted on, in the order in which they were opened."""
        wanted = select(votes).where((votes.c.task == task) & votes.c.choice.is_not(None)).order_by(votes.c.opened, votes.c.id)
        with self.engine.connect() as connection:
            return [_ballot(row) for row in connection.execute(wanted).mappings().all()]

    def counts(self, task: str, voter: str) -> dict[tuple[str, str], int]:
        """How often somebody has voted on each pair of models."""
        columns = (votes.c.first, votes.c.other)
        mine = (votes.c.task == task) & (votes.c.voter == voter) & votes.c.choice.is_not(None)
        with self.engine.connect() as connection:
            rows = connection.execute(select(*columns, func.count()).where(mine).group_by(*columns)).all()
        return {(first, other): count for first, other, count in rows}

    def voted_on(self, voter: str, given: str) -> set[tuple[str, str]]:
        """The pairs on which somebody has voted for an input already."""
        mine = (votes.c.voter == voter) & (votes.c.input == given) & votes.c.choice.is_not(None)
        with self.engine.connect() as connection:
            return {(first, other) for first, other in connection.execute(select(votes.c.first, votes.c.other).where(mine)).all()}

    def reset(self, task: str) -> int:
        """Delete all of a task, and say how many were votes."""
        of_task = votes.c.task == task
        with self.engine.begin() as connection:
            voted = select(func.count()).select_from(votes).where(of_task & votes.c.choice.is_not(None))
            count = connection.execute(voted).scalar_one()
            connection.execute(delete(votes).where(of_task))
        return count


def _ballot(row: Mapping[Any, Any]) -> Ballot:
    a, b = (row["first"], row["other"]) if row["first_is_a"] else (row["other"], row["first"])
    return Ballot(a=a, b=b, **{key: row[key] for key in ("id", "task", "input", "voter", "opened", "choice")})
