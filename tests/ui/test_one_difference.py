"""The same difference in the same words wherever it is shown: Runs, Explore, its evidence, the terminal, JSON."""

import re
from html import unescape

import pytest

from kdui.cli import terminal
from kdui.ui.explore import ExploreCalls
from kdui.ui.explore_gains import GainCalls
from kdui.ui.runs import RunCalls
from tests.workbench.gating.crafted import Crafted


@pytest.fixture(scope="module")
def crafted(tmp_path_factory):
    result = Crafted(tmp_path_factory.mktemp("one"))
    yield result
    result.bench.close()


def plain(html):
    return unescape(re.sub("<[^>]+>", "", html))


def test_one_seed_says_the_same_everywhere(crafted, capsys):
    bench, run = crafted.bench, crafted.run(wrong={"distill": range(9), "distill.control": range(33), "quantize": range(12)})
    gain = bench.run(run).gain
    assert gain.value == pytest.approx(100 * 24 / 359) and gain.over == "examples" and gain.is_shown
    message = "+6.7 points (95 % interval +4.5 to +9.8, paired over 359 test examples) over the same student without KD"
    assert message in plain(RunCalls(bench).run_detail({"run": run})["results"])
    terminal.print_run(bench.run(run))
    assert message in " ".join(capsys.readouterr().out.split())
    assert message in plain(ExploreCalls(bench).explore_view({"task": "digits"})["gain"])
    row = bench.evidence(run)["comparisons"].query("against == 'control' and role == 'student'").iloc[0]
    assert (row["difference"], row["low"], row["high"], row["p_value"]) == (gain.value, gain.low, gain.high, gain.p_value)
    finished_run = terminal.run_json(bench, bench.run(run))["gain"]
    assert (finished_run["low"], finished_run["high"], finished_run["shown"]) == (gain.low, gain.high, True)
    drawn = GainCalls(bench).explore_gains({"task": "digits"})["gains"]["title"]
    assert drawn == "Soft targets beats the same student without KD by +6.7 (+4.5 to +9.8) points with one seed"


def test_answers_that_are_damaged_stop_no_page(crafted):
    bench, run = crafted.bench, crafted.run()
    step = next(step for step in bench.store.runs.get(run).steps if step.name == "measure.distill")
    (bench.store.artifacts.place(step.digest) / "predictions.npy").write_bytes(b"damaged")
    assert "one seed is not enough to tell" in plain(RunCalls(bench).run_detail({"run": run})["results"])
