"""What a page's first visitor needs comes first, and what takes the processors waits for it."""

from types import SimpleNamespace

from kdui.settings import Settings
from kdui.ui.health import Answers
from kdui.ui.warming import warm_up
from tests.ui.served import launched
from tests.ui.stocked import StockedWorkbench
from tests.ui.test_guard import CALL, ask, panel


def test_the_serving_process_starts_after_the_first_answer_of_a_panel(tmp_path):
    bench, answers, begun = StockedWorkbench(Settings(home=tmp_path, quickstart=False)), Answers(), []
    bench.__dict__["serving"] = SimpleNamespace(
        call=lambda what: begun.append((what, answers.visited.is_set())), close=lambda: None
    )
    with launched(bench, answers=answers) as page:
        thread = warm_up(bench, answers.visited)
        assert ask(page, path="/healthz")[0].status == 200
        assert ask(page)[0].status == 200
        assert not answers.visited.is_set()
        call = {"component_id": panel(page, "run_table"), "fn_name": "run_table", "data": {}}
        assert ask(page, "POST", CALL, call)[0].status == 200
        thread.join()
    bench.close()
    assert begun == [("warm_up", True)]
