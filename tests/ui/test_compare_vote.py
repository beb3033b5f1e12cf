"""What the blind vote of Compare shows before and after a vote, and what is kept of it."""

import base64
import csv
import io
from typing import get_args

import pytest
from PIL import Image

from kdui.core.answers import AnswerPart, read_parts
from kdui.core.errors import KduiError
from kdui.core.page_rows import Answer
from kdui.core.people import Role
from kdui.core.votes import Tally
from kdui.ui.compare_vote import VoteCalls, blind_cards, finding
from kdui.ui.mask_pictures import ROLES
from kdui.ui.panel import answered
from kdui.ui.pins.pinner import look
from kdui.ui.rights import needed
from tests.ui.stocked import StockedWorkbench, measured

PAIR = ["teach-0", "distill-0"]
ASKED = {"task": "digits", "models": PAIR, "pixels": [[0, 255], [12, 30]], "truth": "7"}


@pytest.fixture
def bench(settings):
    bench = StockedWorkbench(settings)
    bench.stock(bits=4)
    return bench


@pytest.fixture
def calls(bench):
    return VoteCalls(bench)


def test_a_ballot_tells_nothing_of_its_models_until_the_vote(bench, calls):
    opened = calls.compare_ballot({**ASKED, "voter": "one"})
    assert opened["cards"].count("<section") == 2 and "91 %" in opened["cards"]
    for sign in ("Teacher", "Student", "teacher", "student", "1.6", "MB", "p50", "n = 359", *PAIR):
        assert sign not in opened["cards"]
    told = calls.compare_vote({"ballot": opened["ballot"], "choice": "a", "voter": "one"})
    sides = bench.voting.sides(opened["ballot"])
    titles = {"teach-0": "Teacher · The teacher", "distill-0": "Student · The student"}
    assert f"A is <b>{titles[sides['A']]}</b>, B is <b>{titles[sides['B']]}</b>" in told["told"]
    assert told["roles"] == [{"teach-0": "teacher", "distill-0": "student"}[sides[side]] for side in "AB"]
    assert f"A: {titles[sides['A']]}" in told["sides"][0] and "p50" in told["sides"][0]
    assert f'<span class="count">1</span> <b>{titles[sides["A"]]}</b>' in told["tally"]
    assert calls.compare_tally({"task": "digits"}) == {"tally": told["tally"]}


def png(level):
    buffer = io.BytesIO()
    Image.new("L", (8, 8), level).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


BOX = {"label": "cell", "score": 0.5, "left": 1, "top": 1, "right": 4, "bottom": 5}
PARTS = [
    {"kind": "ranked", "rows": [{"label": "7", "probability": 0.5}]},
    {"kind": "text", "tokens": [{"text": "four"}], "ended": "limit"},
    {"kind": "span", "words": [{"text": "a", "start": 0.5, "end": 0.5}], "first": 0, "last": 0, "read": 1},
    {"kind": "mask", "names": ["nothing", "cell"], "image": png(99), "classes": png(1), "text": "cell", "truth": png(0)},
    {"kind": "boxes", "names": ["cell"], "image": png(9), "width": 8, "height": 8, "least": 0.3, "boxes": [BOX], "truth": [BOX]},
    {"kind": "transcript", "text": "one", "frames": [{"symbol": "o", "probability": 1}], "seconds": 1, "spectrogram": png(5)},
    {"kind": "items", "rows": [{"name": "Alien", "score": 1}]},
    {"kind": "picture", "image": png(7), "label": "coat", "probability": 0.5},
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part["kind"])
def test_answers_of_every_kind_are_shown_without_anything_of_their_models(part):
    def shown(*models):
        answers = [
            Answer(digest=digest, parts=read_parts([part]), latency_ms=measured("latency_p50", ms, "ms"), file_bytes=size)
            for digest, ms, size in models
        ]
        return blind_cards(answers)

    fast, slow = ("a" * 64, 0.5, 123), ("b" * 64, 777.5, 456_789)
    assert shown(fast, slow) == shown(slow, fast)
    roles = {ROLES[role] for role in ("teacher", "student", "compressed")} | {"teacher", "student", "compressed", "b" * 64, "777"}
    assert not [sign for sign in roles if sign in shown(fast, slow)]


def test_every_kind_of_answer_is_among_them():
    union, _ = get_args(AnswerPart)
    assert {part["kind"] for part in PARTS} == {kind.model_fields["kind"].default for kind in get_args(union)}


def test_votes_are_saved_as_a_table_pinned_and_deleted(bench, calls):
    with pytest.raises(KduiError, match="Nobody has voted"):
        look(bench, "votes", {"task": "digits"})
    for voter in ("one", "two"):
        opened = calls.compare_ballot({**ASKED, "voter": voter})
        calls.compare_vote({"ballot": opened["ballot"], "choice": "tie", "voter": voter})
    rows = list(csv.DictReader(io.StringIO(calls.compare_votes_csv({"task": "digits"})["csv"])))
    assert [(row["person"], row["vote"], row["preferred"]) for row in rows] == [("1", "tie", ""), ("2", "tie", "")]
    assert {rows[0]["a_digest"], rows[0]["b_digest"]} == set(PAIR) and rows[0]["input"] == rows[1]["input"]
    seen = look(bench, "votes", {"task": "digits"})
    assert seen.content.title == "No vote has decided between them yet."
    assert seen.content.tables[0].rows[0][2:] == ("0", "0", "2", "0", "1", "2") and set(seen.digests) == set(PAIR)
    assert "Deleted 2 votes" in calls.compare_votes_reset({"task": "digits"})["told"]
    assert calls.compare_tally({"task": "digits"})["tally"] == ""


def test_a_finding_claims_what_the_votes_show():
    def said(first, other):
        return finding(Tally("x" * 64, "y" * 64, first, other, 0, 0, 1, 1), {})

    assert said(14, 2) == "xxxxxxxxxxxx is preferred in 88 % of 16 decided votes, 95 % interval 62 % to 98 %, p = 0.004."
    assert said(9, 7).endswith("in 56 % of 16 decided votes, 95 % interval 30 % to 80 %, detectable from 85 %.")
    assert said(5, 0) == "No preference shown yet: 5 of at least 6 decided votes."


def test_a_viewer_may_vote_and_a_host_alone_deletes_everybodys_votes():
    assert needed("compare_ballot") == needed("compare_vote") == Role.VIEWER
    assert needed("compare_votes_reset") == Role.HOST


@pytest.mark.parametrize(
    ("call", "payload", "words"),
    [
        ("compare_vote", {"ballot": "none", "choice": "a"}, "not counted"),
        ("compare_vote", {"ballot": "none", "choice": "both"}, "A vote is one of"),
        ("compare_ballot", {**ASKED, "models": PAIR[:1]}, "at least two models"),
        ("compare_ballot", {**ASKED, "task": "none"}, "There is no task called"),
    ],
)
def test_a_vote_that_cannot_be_is_refused_in_words(calls, call, payload, words):
    assert words in answered(getattr(calls, call))(payload)["error"]
