"""The gallery for the public: recorded runs can be looked at, and nothing can be queued, changed, kept or fetched."""

import json

import pytest

from kdui import Workbench as Client
from kdui.actions.offered import ACTIONS
from kdui.core.errors import KduiError
from kdui.core.marks import Marks
from kdui.settings import Settings
from kdui.workbench.read_only import GALLERY_WORDS, ReadOnlyWorkbench
from kdui.workbench.workbench import Workbench
from tests.ui.served import launched
from tests.ui.test_guard import CALL, ask, panel

GIVEN = {"recipe": "quickstart", "values": {"seed": [0]}, "run": "x", "name": "mine", "places": 1}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    own = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False, read_only=True))
    bench = ReadOnlyWorkbench(own)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def page(bench):
    with launched(bench) as page:
        yield page


@pytest.fixture(scope="module")
def client(page):
    with Client(page.local_url) as client:
        yield client


def called(page, name, /, **data):
    _, text = ask(page, "POST", CALL, {"component_id": panel(page, name), "fn_name": name, "data": data})
    return json.loads(text)


def test_the_recorded_runs_are_there_and_the_page_says_what_it_is(page, client):
    assert client.detect_hardware().read_only
    runs = client.runs().runs
    assert len(runs) >= 5 and {run.state for run in runs} == {"succeeded"}
    first = client.results(runs[0].run).models[0]
    assert {item.provenance.origin for item in first.measurements.values()} == {"replayed"}
    header = ask(page)[1]
    assert "Read-only" in header and "nothing can be queued" in header and "Show my own runs" not in header
    assert runs[0].run in called(page, "run_table")["html"] and runs[0].run in called(page, "run_table", recorded=True)["html"]


@pytest.mark.parametrize("name", [name for name, action in ACTIONS.items() if action.effect != "reads"])
def test_no_action_that_changes_anything_is_done(client, name):
    with pytest.raises(KduiError) as refused:
        client.call(name, **{each.name: GIVEN[each.name] for each in ACTIONS[name].parameters if each.name in GIVEN})
    assert str(refused.value) == GALLERY_WORDS


def test_the_page_s_own_calls_are_refused_in_the_same_words(page, bench, client):
    run = client.runs().runs[0].run
    for name, data in (
        ("run_act", {"run": run, "act": "delete"}),
        ("run_act", {"run": run, "act": "resume"}),
        ("run_marks", {"run": run, "marks": {"pinned": True}}),
        ("own_upload", {"file": "x.csv", "data": ""}),
        ("own_keep", {"name": "own-texts:/etc/passwd"}),
    ):
        assert called(page, name, **data) == {"error": GALLERY_WORDS}, name


def test_whatever_else_writes_is_refused_at_its_root(bench):
    recipe = bench.recipe("quickstart")
    for change in (
        lambda: bench.submit(recipe),
        lambda: bench.submit_sweep(recipe, {"seed": [0, 1]}),
        lambda: bench.save_recipe(recipe, "mine"),
        lambda: bench.start_dispatcher(),
        lambda: bench.store.presentations.change("Board", lambda deck: deck),
        lambda: bench.store.views.remove("mine"),
        lambda: bench.store.marks.put("x", Marks(pinned=True)),
        lambda: bench.plan(recipe.model_copy(update={"task": "own-corpus:/etc/passwd"})),
    ):
        with pytest.raises(KduiError, match="read-only gallery"):
            change()
    assert bench.settings.offline and not (bench.settings.home / "recipes").exists()
