"""Votes on two answers whose models were hidden, and what they add up to for a pair of models."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from kdui.core.plain import Frozen


class Choice(StrEnum):
    """What somebody thinks of the answers A and B; the first two decide between the models."""

    A = "a"
    B = "b"
    TIE = "tie"
    BAD = "bad"  # both


class Ballot(Frozen):
    """Two models' answers to one input, side by side as A and B; without a choice while nobody has voted."""

    id: str
    task: str
    a: str = Field(description="digest of the model that answered as A")
    b: str
    input: str = Field(description="digest of the input")
    voter: str = Field(description="an account's name, or what stands for a browser where nobody signs in")
    opened: datetime
    choice: Choice | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """Both models in an order of their own, so that every ballot on them counts for the same pair."""
        return pair_of(self.a, self.b)

    @property
    def preferred(self) -> str | None:
        """The model that was found better; None where the vote decides nothing."""
        return {Choice.A: self.a, Choice.B: self.b}.get(self.choice) if self.choice else None


class Tally(NamedTuple):
    """All votes on one pair of models; ``first`` is the one that was found better more often."""

    first: str
    other: str
    first_better: int
    other_better: int
    ties: int
    bad: int
    inputs: int
    voters: int

    @property
    def decided(self) -> int:
        return self.first_better + self.other_better

    @property
    def total(self) -> int:
        return self.decided + self.ties + self.bad


def pair_of(one: str, other: str) -> tuple[str, str]:
    """Two digests in their order."""
    return (one, other) if one < other else (other, one)


def tallies(ballots: list[Ballot]) -> list[Tally]:
    """One a pair that was voted on, the one with most votes first; open ballots do not count."""
    groups: dict[tuple[str, str], list[Ballot]] = {}
    for ballot in ballots:
        if ballot.choice:
            groups.setdefault(ballot.pair, []).append(ballot)
    return sorted((_tally(pair, own) for pair, own in groups.items()), key=lambda tally: -tally.total)


def _tally(pair: tuple[str, str], ballots: list[Ballot]) -> Tally:
    better = {model: sum(ballot.preferred == model for ballot in ballots) for model in pair}
    first, other = sorted(pair, key=lambda model: -better[model])
    return Tally(
        first=first,
        other=other,
        first_better=better[first],
        other_better=better[other],
        ties=sum(ballot.choice is Choice.TIE for ballot in ballots),
        bad=sum(ballot.choice is Choice.BAD for ballot in ballots),
        inputs=len({ballot.input for ballot in ballots}),
        voters=len({ballot.voter for ballot in ballots}),
    )
