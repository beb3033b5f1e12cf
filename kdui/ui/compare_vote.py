"""Compare's blind vote: two of the chosen models answer as A and B, and are named once somebody has voted."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from kdui.charts.evidence.flips import p_words
from kdui.core.errors import RecipeError
from kdui.core.metric import Metric
from kdui.core.page_rows import Answer, Servable
from kdui.core.plan import Role
from kdui.core.statistics.preference import LEAST_VOTES, preference
from kdui.core.votes import Ballot, Choice, Tally
from kdui.ui import compare_view
from kdui.ui.answers import renderer, together
from kdui.ui.chart_frame import pin_button
from kdui.ui.compare_input import Question, input_of, task_of
from kdui.ui.exports import spreadsheet_csv
from kdui.workbench.generating import generates
from kdui.workbench.voting import voter_of

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

NEUTRAL: Role = "control"  # both answers wear its colour
SECRET = 64  # letters of what a browser is known by, at the most
MOST_PAIRS = 20  # whose tally is shown
WAYS = {Choice.A: "A is better", Choice.B: "B is better", Choice.TIE: "Tie", Choice.BAD: "Both bad"}
KEYS = {Choice.A: "1", Choice.B: "2", Choice.TIE: "0", Choice.BAD: "9"}  # assets/modules/vote.js listens to the same ones


class VoteCalls:
    """What the browser can ask about votes."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def compare_ballot(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Two answers without any sign of who gave them; models that stream write into empty cards."""
        rest = {key: value for key, value in payload.items() if key != "voter"}
        question = Question.model_validate(rest)
        facts = task_of(self.workbench, question.task)
        given = question.model_dump(exclude={"task", "models", "then", "truth"}, exclude_none=True)
        ballot = self.workbench.voting.open(facts.name, question.models, given, _voter(payload))
        if generates(facts):
            return {"ballot": ballot.id, "cards": "".join(map(_card, "AB"))}
        answers = self.workbench.ask(facts.name, [ballot.a, ballot.b], input_of(question))
        return {"ballot": ballot.id, "cards": blind_cards(answers, question.then)}

    def compare_vote(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Count a vote; then both models are named."""
        choice = str(payload["choice"])
        if choice not in list(Choice):
            raise RecipeError(f"A vote is one of {', '.join(Choice)}.")
        ballot = self.workbench.voting.vote(str(payload["ballot"]), _voter(payload), Choice(choice))
        known, metric = self._known(ballot.task), task_of(self.workbench, ballot.task).headline
        return {
            "told": f'<div class="info">{told(ballot, known)}</div>',
            "sides": [_revealed(side, known.get(digest), metric) for side, digest in (("A", ballot.a), ("B", ballot.b))],
            "roles": [known[digest].role if digest in known else NEUTRAL for digest in (ballot.a, ballot.b)],
            "tally": tally_html(self.workbench.voting.tallies(ballot.task), known),
        }

    def compare_tally(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """All votes on a task's models."""
        task = str(payload["task"])
        return {"tally": tally_html(self.workbench.voting.tallies(task), self._known(task))}

    def compare_votes_csv(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Every vote as a row; people are numbered, and inputs told apart by their digests."""
        task = task_of(self.workbench, str(payload["task"])).name
        csv = votes_csv(self.workbench.voting.ballots(task), self._known(task))
        return {"name": f"kdui-{task.replace(':', '-')}-votes.csv", "csv": csv}

    def compare_votes_reset(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Delete all votes on a task's models; the page asks first."""
        count = self.workbench.voting.reset(str(payload["task"]))
        return {"told": f'<div class="info">Deleted {count:,} votes.</div>', "tally": ""}

    def _known(self, task: str) -> dict[str, Servable]:
        return {model.digest: model for model in self.workbench.servable(task)}


def _voter(payload: Mapping[str, Any]) -> str:
    return voter_of(str(payload.get("voter") or "")[:SECRET])


def blind_cards(answers: Sequence[Answer], then: Sequence[str] = ()) -> str:
    """A card an answer, and what they are together: of the models neither names, colours, sizes nor times."""
    answers = compare_view.told_of_each_other(answers, then)
    cards = "".join(
        _card(side, "".join(renderer(part).html(part, NEUTRAL) for part in answer.parts))
        for side, answer in zip("AB", answers, strict=True)
    )
    own = [(side, NEUTRAL, answer.parts[0]) for side, answer in zip("AB", answers, strict=True) if answer.parts]
    return cards + (together(own) if own else "")


def _card(side: str, shown: str = "") -> str:
    """``data-model`` and the lines of a card that a model writes into: assets/modules/writing.js."""
    return (
        f'<section class="card {NEUTRAL}" data-side="{side}" data-model="{side}" data-role="{NEUTRAL}">'
        f'<div class="side"><h2 class="title">{side}</h2></div>{shown}'
        '<p class="lead live" hidden></p><div class="written"></div></section>'
    )


def _revealed(side: str, model: Servable | None, metric: Metric) -> str:
    if model is None:
        return f'<h2 class="title">{side}</h2><p class="lead">This model is no longer in the store.</p>'
    return (
        f'<h2 class="title">{side}: {escape(compare_view.title(model))}</h2>'
        f'<p class="lead">{compare_view.speed(model)} · {compare_view.size(model)}</p>'
        f'<p class="lead">{compare_view.on_test_data(model, metric)}</p>'
    )


def name_of(digest: str, known: Mapping[str, Servable]) -> str:
    """A model as votes name it; one that was deleted by its digest."""
    return compare_view.title(known[digest]) if digest in known else digest[:12]


def told(ballot: Ballot, known: Mapping[str, Servable]) -> str:
    """Who A and B are, and what was voted."""
    a, b = (f"<b>{escape(name_of(digest, known))}</b>" for digest in (ballot.a, ballot.b))
    voted = WAYS[ballot.choice] if ballot.choice else ""
    return f"Your vote: <b>{voted}</b>. A is {a}, B is {b}."


def tally_html(tallies: Sequence[Tally], known: Mapping[str, Servable]) -> str:
    """A block a pair: counts, a bar, and what they show; empty where nobody has voted."""
    return "".join(_pair(tally, known) for tally in tallies[:MOST_PAIRS])


def _pair(tally: Tally, known: Mapping[str, Servable]) -> str:
    first, other = (escape(name_of(digest, known)) for digest in (tally.first, tally.other))
    parts = (("first", tally.first_better), ("tie", tally.ties + tally.bad), ("other", tally.other_better))
    bar = "".join(f'<i class="{kind}" style="flex-grow:{count}"></i>' for kind, count in parts if count)
    return (
        f'<div class="vote-pair"><p><span class="count">{tally.first_better}</span> <b>{first}</b></p>'
        f'<p><span class="count">{tally.other_better}</span> <b>{other}</b></p>'
        f'<span class="vote-bar" aria-hidden="true">{bar}</span>'
        f'<p class="lead">{counts(tally)}</p><p class="lead">{escape(finding(tally, known))}</p></div>'
    )


def counts(tally: Tally) -> str:
    """What decided nothing, and over how many inputs and people."""
    return f"Ties: {tally.ties} · both bad: {tally.bad} · inputs: {tally.inputs} · people: {tally.voters}"


def finding(tally: Tally, known: Mapping[str, Servable]) -> str:
    """What the decided votes show, with the exact interval, and what so many votes could have shown."""
    seen, n, name = preference(tally.first_better, tally.other_better), tally.decided, name_of(tally.first, known)
    if seen is None:
        return "No vote has decided between them yet."
    if seen.detectable is None:
        return f"No preference shown yet: {n} of at least {LEAST_VOTES} decided votes."
    share, low, high, least = (f"{100 * each:.0f} %" for each in (seen.share, seen.low, seen.high, seen.detectable))
    if seen.is_shown:
        return f"{name} is preferred in {share} of {n} decided votes, 95 % interval {low} to {high}, {p_words(seen.p_value)}."
    return f"No preference shown: {name} in {share} of {n} decided votes, 95 % interval {low} to {high}, detectable from {least}."


def votes_csv(ballots: Sequence[Ballot], known: Mapping[str, Servable]) -> str:
    """The table as a spreadsheet opens it."""
    people = {voter: number for number, voter in enumerate(dict.fromkeys(ballot.voter for ballot in ballots), start=1)}
    columns = ("opened_utc", "person", "input", "a", "b", "vote", "preferred", "a_digest", "b_digest")
    rows = [
        (
            ballot.opened.strftime("%Y-%m-%d %H:%M:%S"),
            people[ballot.voter],
            ballot.input[:12],
            name_of(ballot.a, known),
            name_of(ballot.b, known),
            ballot.choice.value if ballot.choice else "",
            name_of(ballot.preferred, known) if ballot.preferred else "",
            ballot.a,
            ballot.b,
        )
        for ballot in ballots
    ]
    return spreadsheet_csv(pd.DataFrame(rows, columns=list(columns)))


def vote_markup() -> str:
    """The frame that assets/modules/vote.js fills."""
    ways = "".join(
        f'<button type="button" class="act" data-vote="{choice}" aria-keyshortcuts="{KEYS[choice]}">{words} '
        f"<kbd>{KEYS[choice]}</kbd></button>"
        for choice, words in WAYS.items()
    )
    return f"""
<section class="card" id="vote-card" aria-labelledby="vote-title" hidden>
  <div class="run-title"><h2 class="title" id="vote-title">Blind vote</h2>
    <button type="button" class="act small" id="vote-blind" aria-pressed="false">Hide which model is which</button></div>
  <p class="lead">Two of the chosen models, drawn at random, answer as A and B, without name, colour, size or speed. After your
    vote they are named. One vote for each input.</p>
  <div class="buttons" id="vote-ways" role="group" aria-label="Your vote" hidden>{ways}</div>
  <div id="vote-told" role="status"></div>
  <div class="buttons" id="vote-after" hidden>
    <button type="button" class="act small primary" id="vote-next">Next test example</button></div>
  <div id="vote-tally" aria-label="All votes" role="group"></div>
  <div class="buttons" id="vote-acts" hidden>{pin_button("votes", hidden=False)}
    <button type="button" class="act small" id="vote-save">Save as CSV</button>
    <button type="button" class="act small" id="vote-reset">Reset…</button></div>
  <dialog id="vote-dialog" aria-labelledby="vote-dialog-text"><form method="dialog"><p id="vote-dialog-text">Delete everybody's
    votes on this task's models? This cannot be undone.</p><div class="buttons">
    <button class="act danger" value="yes">Delete the votes</button>
    <button class="act" value="no" autofocus>Keep them</button></div></form></dialog>
</section>
"""
