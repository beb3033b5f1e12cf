"""Blind votes: the pair and its sides are drawn, a person votes once for an input, and everybody's votes add up."""

import random

import pytest

from kdui.core.errors import StateConflict, StoreError, UnknownName
from kdui.core.people import Person, Role, acting_as
from kdui.core.votes import Choice
from kdui.store import votes
from kdui.store.store import Store
from kdui.workbench import voting
from kdui.workbench.voting import Voting, voter_of

TASK, MODELS = "digits", ("a1", "b2", "c3")


@pytest.fixture
def polls(settings):
    return Voting(Store(settings), random.Random(0))


def preferring(polls, model, given, voter, models=MODELS[:2]):
    """A vote on one input for the side on which ``model`` answers."""
    ballot = polls.open(TASK, models, {"text": given}, voter)
    return polls.vote(ballot.id, voter, Choice.A if ballot.a == model else Choice.B)


def test_pairs_and_sides_are_drawn_evenly(polls):
    drawn = [polls.open(TASK, MODELS, {"text": str(at)}, "one") for at in range(300)]
    sides = [(ballot.a, ballot.b) for ballot in drawn]
    assert len(set(sides)) == 6 and min(map(sides.count, set(sides))) > 30
    assert polls.sides(drawn[-1].id) == {"A": drawn[-1].a, "B": drawn[-1].b}
    with pytest.raises(UnknownName):  # one open ballot of a person and task is enough
        polls.sides(drawn[0].id)


def test_votes_of_several_people_add_up_for_a_pair_and_survive_a_restart(polls, settings):
    for at in range(4):
        preferring(polls, "b2", f"text {at}", f"person {at % 2}")
    preferring(polls, "a1", "text 9", "person 0")
    for choice in (Choice.TIE, Choice.BAD):
        ballot = polls.open(TASK, MODELS[:2], {"text": f"else {choice}"}, "person 2")
        assert polls.vote(ballot.id, "person 2", choice).preferred is None
    (tally,) = Voting(Store(settings)).tallies(TASK)
    assert tally == ("b2", "a1", 4, 1, 1, 1, 7, 3) and tally.decided == 5 and tally.total == 7
    assert polls.reset(TASK) == 7 and polls.tallies(TASK) == []


def test_a_person_votes_once_for_an_input_and_a_pair(polls):
    preferring(polls, "a1", "same", "one")
    with pytest.raises(StateConflict, match="voted on this input already"):
        polls.open(TASK, MODELS[:2], {"text": "same"}, "one")
    other = polls.open(TASK, MODELS, {"text": "same"}, "one")
    assert other.pair != ("a1", "b2")  # the pair whose models are known is not drawn again
    preferring(polls, "a1", "same", "two")
    ballot = polls.open(TASK, MODELS[:2], {"text": "new"}, "one")
    with pytest.raises(StateConflict):
        polls.vote(ballot.id, "two", Choice.A)
    polls.vote(ballot.id, "one", Choice.A)
    with pytest.raises(StateConflict):
        polls.vote(ballot.id, "one", Choice.B)
    assert polls.tallies(TASK)[0].total == 3


def test_nobody_outvotes_the_others_or_fills_the_disk(polls, monkeypatch):
    monkeypatch.setattr(voting, "MOST_OF_ONE", 2)
    preferring(polls, "a1", "first", "one")
    preferring(polls, "a1", "second", "one")
    with pytest.raises(StateConflict, match="as many as one person may"):
        polls.open(TASK, MODELS[:2], {"text": "third"}, "one")
    monkeypatch.setattr(votes, "MOST", 2)
    with pytest.raises(StoreError, match="2 votes already"):
        polls.open(TASK, MODELS[:2], {"text": "third"}, "two")
    with pytest.raises(StateConflict, match="at least two models"):
        polls.open(TASK, ("a1", "a1"), {"text": "third"}, "two")


def test_who_votes_is_the_account_or_else_the_browser():
    with acting_as(Person(name="ada", role=Role.VIEWER)):
        assert voter_of("secret") == "ada"
    assert voter_of("secret") == voter_of("secret") != voter_of("other") and "secret" not in voter_of("secret")
