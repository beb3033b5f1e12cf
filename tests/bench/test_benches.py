"""Every bench runs to its end on tiny sizes; what it measures here is not a figure to quote."""

import functools
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from kdui import machine
from kdui.bench.__main__ import BENCHES, Bench, machine_line, main
from kdui.bench.browser import find_browser
from kdui.bench.distillation import epoch_costs, matching_costs
from kdui.bench.filled_store import fill_store
from kdui.bench.findings import Finding
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.bench.recorded import recorded_results
from kdui.bench.reference import against_trainer
from kdui.bench.results_page import PAGE, results_page
from kdui.bench.surgery import untrained
from kdui.catalogue.recipe_files import read_recipe
from kdui.catalogue.studies import read_study
from kdui.catalogue.tasks import load_task
from kdui.core.errors import KduiError
from kdui.machine import cpu_flags
from kdui.methods.compress.quantize.int8 import variants
from kdui.settings import Settings
from kdui.store import tables
from kdui.store.store import Store
from kdui.training import device
from kdui.workbench.workbench import Workbench
from tests.engine.bert import checkpoint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Callable[[str], list[Finding]]:
    """What a bench finds on the least that it can measure, by its name; measured once.

    In place of one layer of MiniLM, whose 30,522 words take long to export and round, stands a BERT of 500 words where no student
    is cut out of it.
    """
    home = tmp_path_factory.mktemp("benches") / "home"
    home.mkdir()
    (home / "cache").symlink_to(shared_cache, target_is_directory=True)
    settings = Settings(home=home, quickstart=False)
    texts = load_task("reuters-r8", settings)[1]["train"].inputs[:200]
    bert = f"folder:{checkpoint(home / 'bert', texts, vocabulary=500, positions=130)}"

    @functools.cache
    def run(name: str) -> list[Finding]:
        sizes = BENCHES[name].tiny
        replaced = {"teacher": bert} if "teacher" in sizes and "student" not in sizes else {}
        return BENCHES[name].run(settings, **sizes | replaced)

    return run


@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_runs_to_its_end_on_the_least_that_it_can_measure(name: str, tiny: Callable[[str], list[Finding]]) -> None:
    result = tiny(name)
    assert result and all(math.isfinite(finding.value) for finding in result)


def test_tiny_sizes_are_asked_for_by_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    collected: list[dict[str, Any]] = []
    stood_in = Bench(lambda _, **sizes: collected.append(sizes) or [], {"runs": 1})
    monkeypatch.setitem(BENCHES, "pages", stood_in)
    assert main(["pages", "--tiny"]) == main(["pages"]) == 0
    assert collected == [{"runs": 1}, {}]


def test_epoch_costs_compare_the_same_student_on_the_same_examples(settings: Settings) -> None:
    cached, live = epoch_costs(settings, "quickstart", examples=64, repeats=2, live_repeats=1)
    assert cached.value > 0
    assert cached.spread.endswith("n = 2")
    assert [line.split()[0] for line in cached.lines] == ["plain", "cached", "64"]
    assert (live.relation, live.aim) == ("≥", 3.0)
    assert live.spread.endswith("n = 1")


def test_the_laboratory_makes_a_step_once_and_leaves_the_home_of_the_user_alone(settings: Settings) -> None:
    recipe = read_recipe("quickstart", settings).with_values({"teach.epochs": 0, "distill.train_examples": 32})
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, "digits")
        steps = laboratory.plan(recipe)
        first = laboratory.make(steps, "distill.outputs")
        assert first.manifest.summary["shape"] == [1, 32, 10]
        assert laboratory.make(steps, "distill.outputs").manifest.created == first.manifest.created
    assert not home.home.exists()
    assert not settings.artifacts.exists()


def test_int8_tells_of_every_variant_that_this_processor_would_try(tiny: Callable[[str], list[Finding]]) -> None:
    (result,) = tiny("int8")
    assert result.value > 0
    assert result.lines[0].startswith("fp32 ")
    assert len(result.lines) == 2 + len(variants("dynamic"))


def test_smaller_graphs_are_compared_with_the_whole_one(tiny: Callable[[str], list[Finding]]) -> None:
    """A trimmed vocabulary numbers words anew, so each graph is timed on tokens of its own."""
    for result in tiny("pruned"):
        assert result.value > 0 and result.aim is not None and result.aim > 1
        whole, smaller = (float(size) for size in result.lines[1].split("file ")[1].removesuffix(" MB").split(" → "))
        assert smaller < whole
    (bits,) = tiny("four-bits")
    assert 1 < bits.value < 8


@pytest.mark.parametrize("name", ["minilm-pruned", "fashion-pruned"])
def test_speed_is_measured_of_what_the_recorded_studies_remove(name: str) -> None:
    study = read_study(name)
    recipe = untrained(study)
    removed, recorded = (
        next(stage.settings for stage in one.stages if stage.method == "prune_structured")
        for one in (recipe, study.recipes(study.arms[0])[0])
    )
    assert all(removed[knob] == recorded[knob] for knob in ("heads", "feed_forward", "share") if knob in recorded)
    assert recipe.student == study.recipes(study.arms[0])[0].student
    assert all(stage.settings.get("epochs", 0) == 0 for stage in recipe.stages)


def test_recorded_results_state_what_was_aimed_at_and_how_to_repeat_them(settings: Settings) -> None:
    by_name = {finding.title: finding for finding in recorded_results(settings)}
    packed = by_name["Deep Compression, LeNet-300-100 (encode): smaller"]
    assert packed.met and packed.aim == 40 and packed.spread == "recorded"
    assert packed.lines[0].endswith("3 seeds; repeat: python app.py study deep-compression")


def test_the_page_of_results_is_made_from_their_data() -> None:
    assert PAGE.read_text(encoding="utf-8") == results_page(), "run python -m kdui.bench.documents"


def test_a_filled_store_reads_like_one_that_was_used(settings: Settings) -> None:
    ids = fill_store(settings, 7)
    bench = Workbench(settings)
    with Store(settings).runs.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.results)).scalar() == 28
    assert bench.runs(size=5).total == 7
    assert set(bench.points("digits")["role"]) == {"teacher", "student", "control", "compressed"}
    detail = bench.run(ids[3])
    assert len(detail.results) == 4
    assert len(detail.results[0].measurements["latency_p50"].samples) == 200


def test_pages_are_timed_inside_and_over_http(tiny: Callable[[str], list[Finding]]) -> None:
    outside, inside = tiny("pages")
    names = ["runs page", "run detail", "points under a budget", "overview", "estimate"]
    for result in (outside, inside):
        assert [line.partition(":")[0] for line in result.lines[:5]] == names
        assert result.spread.endswith("n = 2")
        assert (result.value > 0, result.aim) == (True, 150.0)


def test_a_crowd_is_answered_without_an_error(tiny: Callable[[str], list[Finding]]) -> None:
    answers, errors, *_ = tiny("load")
    assert errors.value == 0
    assert [line.partition(":")[0] for line in answers.lines] == ["browser", "API client", "no error"]


def test_time_to_interactive_is_later_than_the_first_answer(tiny: Callable[[str], list[Finding]]) -> None:
    (result,) = tiny("start")
    answered = float(result.lines[0].partition("after ")[2].partition(" s")[0])
    assert result.value > answered > 0


def test_an_unknown_bench_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page"]) == 2
    assert "Did you mean 'pages'?" in capsys.readouterr().err


def test_json_names_the_machine_and_every_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    stood_in = Bench(lambda _: epoch_costs(settings, "quickstart", examples=32, repeats=1), {})
    monkeypatch.setitem(BENCHES, "kd-fashion", stood_in)
    assert main(["kd-fashion", "--json"]) == 0
    printed = capsys.readouterr().out
    assert machine.cpu_name() in printed and machine.cpu_name() in machine_line()
    assert '"aim": "≤ 1.1"' in printed


def test_a_missing_browser_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr("kdui.bench.browser.APPLICATIONS", ())
    with pytest.raises(KduiError, match="apt install chromium"):
        find_browser()


def test_hidden_states_are_compared_with_plain_epochs_of_the_same_student(settings: Settings) -> None:
    (result,) = matching_costs(settings, "quickstart", examples=64, repeats=1)
    assert result.value > 0
    assert (result.relation, result.aim) == ("≤", 1.3)
    assert "MB kept" in result.lines[-1]


def test_our_loop_is_compared_with_the_trainer_on_the_same_examples(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "BF16_FLAGS", set())
    (result,) = against_trainer(settings, "quickstart", examples=64, repeats=1, aim=1.0)
    assert result.value > 0
    assert [line.split()[0] for line in result.lines] == ["ours", "Trainer", "64"]
    assert [line.rpartition(", ")[2] for line in result.lines[:2]] == ["float32", "float32"]


def test_both_sides_compute_in_the_precision_that_our_loop_takes_where_the_processor_multiplies_bf16(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "BF16_FLAGS", cpu_flags())
    (result,) = against_trainer(settings, "quickstart", examples=64, repeats=1, aim=1.0)
    assert [line.rpartition(", ")[2] for line in result.lines[:2]] == ["bfloat16", "bfloat16"]


def test_a_point_of_what_if_is_timed_in_the_serving_process_and_the_prediction_is_compared_with_measured_changes(
    tiny: Callable[[str], list[Finding]],
) -> None:
    waited, missed = tiny("what-if")
    assert (waited.relation, waited.aim, waited.value > 0) == ("≤", 2.0, True)
    assert waited.spread.endswith("n = 2")
    assert missed.unit == "points"
    assert missed.lines[-2].startswith("all: ") and missed.lines[-2].endswith("over 18 changes")
