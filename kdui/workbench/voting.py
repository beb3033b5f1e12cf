"""Blind votes: which two of the chosen models answer as A and B, whose vote counts, and what all votes add up to."""

import hashlib
import itertools
import random
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kdui.core.errors import StateConflict
from kdui.core.people import acting
from kdui.core.plain import digest
from kdui.core.votes import Ballot, Choice, Tally, pair_of, tallies
from kdui.store.store import Store

MOST_OF_ONE = 200  # votes of one person on one pair of models, so that nobody outvotes a class


class Voting:
    """Opens and counts votes. ``draw``: who chooses the pair and its sides; nobody can foresee what the default chooses."""

    def __init__(self, store: Store, draw: random.Random | None = None):
        self.store, self.draw = store, draw or random.SystemRandom()

    def open(self, task: str, models: Sequence[str], given: Mapping[str, Any], voter: str) -> Ballot:
        """A ballot on two of ``models``, drawn among the pairs on which this person may still vote for this input.

        ``given``: the input as plain data. Raises StateConflict where there is no such pair.
        """
        pairs = {pair_of(one, other) for one, other in itertools.combinations(dict.fromkeys(models), 2)}
        if not pairs:
            raise StateConflict("Choose at least two models: a vote is on two answers.")
        asked, counts = digest(dict(given)), self.store.votes.counts(task, voter)
        fresh = pairs - self.store.votes.voted_on(voter, asked)
        if not fresh:
            raise StateConflict("You have voted on this input already and know the models. Choose another input.")
        allowed = sorted(pair for pair in fresh if counts.get(pair, 0) < MOST_OF_ONE)
        if not allowed:
            raise StateConflict(f"You have given {MOST_OF_ONE} votes on these models, as many as one person may.")
        a, b = self.draw.sample(self.draw.choice(allowed), 2)
        opened = datetime.now(UTC).replace(tzinfo=None)
        ballot = Ballot(id=secrets.token_hex(16), task=task, a=a, b=b, input=asked, voter=voter, opened=opened)
        self.store.votes.open(ballot)
        return ballot

    def sides(self, ballot_id: str) -> dict[str, str]:
        """Which model answers as A and which as B. Raises UnknownName."""
        ballot = self.store.votes.ballot(ballot_id)
        return {"A": ballot.a, "B": ballot.b}

    def vote(self, ballot_id: str, voter: str, choice: Choice) -> Ballot:
        """Count it. Raises StateConflict where this person cannot vote on it, or has."""
        return self.store.votes.vote(ballot_id, voter, choice)

    def tallies(self, task: str) -> list[Tally]:
        """All pairs that were voted on, the one with most votes first."""
        return tallies(self.ballots(task))

    def ballots(self, task: str) -> list[Ballot]:
        """Every vote on a task's models, the first one first."""
        return self.store.votes.of_task(task)

    def reset(self, task: str) -> int:
        """Delete the votes of a task, and say how many there were."""
        return self.store.votes.reset(task)


def voter_of(secret: str) -> str:
    """Who votes: the account that acts, or else the browser by the secret that it keeps, of which only a digest is stored."""
    name = acting().name
    return name or "browser " + hashlib.sha256(secret.encode("utf-8")).hexdigest()[:16]
