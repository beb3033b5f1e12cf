"""What the run comparer, the marks and the saved views answer."""

import pytest

from kdui.ui.panel import answered
from kdui.ui.pins.pinner import look
from kdui.ui.run_comparer import ComparerCalls
from kdui.ui.run_marks import MarkCalls
from kdui.ui.runs import RunCalls
from kdui.ui.saved_views import ViewCalls
from tests.ui.stocked import StockedWorkbench


@pytest.fixture
def bench(settings):
    return StockedWorkbench(settings)


def test_two_runs_show_what_differs_and_nothing_else(bench):
    first, second = bench.stock(name="<One>"), bench.stock(seed=1, better=0.7)
    wanted = {"compare": f"{first.id},{second.id}"}
    answer = ComparerCalls(bench).run_compare(wanted)
    assert answer["title"].startswith("1 setting differs") and "Seed" in answer["html"]
    assert "&lt;One&gt;" in answer["html"] and "Temperature" not in answer["html"]
    assert "+0.7 points (one seed)" in answer["html"]
    seen = look(bench, "comparer", wanted)
    cells = {row[0]: row[1:] for row in seen.content.tables[0].rows if len(row) > 1}
    assert cells["Seed"] == ("0", "1") and seen.runs == (first.id, second.id)


def test_models_of_one_run_compare_and_other_tasks_are_refused_in_words(bench):
    run = bench.stock()
    other = bench.submit(bench.recipe("reuters-bilstm"))
    answer = ComparerCalls(bench).run_compare({"compare": f"{run.id}:measure.distill,{run.id}:measure.quantize"})
    assert "Step <b>quantize</b>" in answer["html"] and "no such step" in answer["html"]
    ask = answered(ComparerCalls(bench).run_compare)
    assert "of different tasks" in ask({"compare": f"{run.id},{other.id}"})["error"]
    assert "Choose 2 to 5" in ask({"compare": run.id})["error"]
    assert "nope" in ask({"compare": f"{run.id},nope"})["error"]


def test_marks_and_views_are_kept_and_shown_escaped(bench):
    run = bench.stock()
    marks = MarkCalls(bench).run_marks({"run": run.id, "marks": {"tags": ["<b>"], "note": "why", "pinned": True}})
    assert marks["tags"] == ["<b>"]
    table = RunCalls(bench).run_table({"text": "<b>"})["html"]
    assert 'data-find="&lt;b&gt;"' in table and "★" in table and f'data-compare="{run.id}"' in table
    assert "error" in answered(MarkCalls(bench).run_marks)({"run": run.id, "marks": {"tags": ["x" * 50]}})
    views = answered(ViewCalls(bench).saved_views)
    assert "?tab=runs&amp;find=x" in views({"save": "A", "query": "tab=runs&find=x"})["html"]
    assert "error" in views({"save": "B", "query": "javascript:1"})
    assert "None yet" in views({"remove": "A"})["html"]
