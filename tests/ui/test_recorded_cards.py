"""A result says what it is: 91 % is much as an accuracy and little as a word error rate."""

from kdui.catalogue.tasks import TASKS
from kdui.core.metric import FRECHET
from kdui.core.page_rows import RunRow
from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.ui.home_view import recorded_html
from kdui.ui.run_table import row_html
from kdui.workbench.gallery import Gallery


def test_each_recorded_card_names_its_metric(tmp_path):
    cards = Gallery(Settings(home=tmp_path)).cards()
    pieces = recorded_html(cards, TASKS).split("<li>")[1:]
    assert len(pieces) == len(cards)
    for card, piece in zip(cards, pieces, strict=True):
        headline = TASKS[card.task].headline
        assert (headline.unsaid or headline.unit) in piece
    assert any("word error rate" in piece for piece in pieces)


def test_a_value_whose_unit_is_its_metric_is_not_told_twice():
    assert TASKS["help-de"].headline.unsaid == TASKS["books"].headline.unsaid == ""
    assert TASKS["digits"].headline.unsaid == "accuracy" and FRECHET.noun == "Fréchet distance"


def test_the_table_of_runs_names_it_too():
    row = RunRow(
        id="a1",
        name="Strings",
        task="digit-strings",
        teacher="t",
        student="s",
        state=RunState.SUCCEEDED,
        progress=1,
        created="2026-01-01T00:00:00",
        headline="91.0\u202f% ●",
    )
    assert '●<div class="sub">word error rate</div>' in row_html(row, {}, chosen=False)
    queued = row.model_copy(update={"state": RunState.QUEUED, "headline": ""})
    assert "word error rate" not in row_html(queued, {}, chosen=False)
