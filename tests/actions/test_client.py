"""The Python client over a store of this machine and over a served page with a password: the same calls, the same answers."""

import urllib.error
import urllib.request

import pytest
from gradio_client import Client

from kdui import Workbench
from kdui.actions.offered import ACTIONS
from kdui.core.errors import KduiError
from kdui.settings import Settings
from tests.ui.served import launched
from tests.ui.stocked import StockedWorkbench

AUTH = ("owner", "right")


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    bench = StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench, bench.stock(), bench.stock(seed=1, better=0.5)
    bench.close()


@pytest.fixture(scope="module")
def page(stocked):
    with launched(stocked[0], auth=AUTH) as page:
        yield page


@pytest.fixture(scope="module")
def clients(stocked, page):
    """Here and over the network."""
    own = Settings(home=stocked[0].settings.home, quickstart=False)
    with Workbench(settings=own) as here, Workbench(page.local_url, auth=AUTH) as served:
        yield here, served


def test_both_ways_give_the_same_answers(clients, stocked):
    _, first, second = stocked
    here, served = clients
    for look in (
        lambda bench: bench.tasks(),
        lambda bench: bench.runs(task="digits", state="succeeded"),
        lambda bench: bench.progress(first.id),
        lambda bench: bench.results(first.id),
        lambda bench: bench.compare(first.id, f"{second.id}:measure.quantize"),
        lambda bench: bench.propose_recipe("fast", "digits"),
    ):
        assert look(here) == look(served)
    assert [row.run for row in served.runs(state="succeeded").runs] == [second.id, first.id]
    compared = served.compare(first.id, second.id)
    assert compared.settings["seed"] == (0, 1) and compared.models[1].difference.value == pytest.approx(0.5)
    assert served.results(first.id).models[0].measurements["accuracy"].written() == "97.6 % ●"


def test_a_run_is_queued_watched_cancelled_and_deleted_over_the_network(clients):
    _, served = clients
    queued = served.run(served.propose_recipe().recipe, {"seed": 7})
    assert (queued.state, queued.task) == ("queued", "digits")
    progress = served.progress(queued.run)
    assert (progress.ended, progress.fraction, [event.kind for event in progress.events]) == (False, 0.0, ["state"])
    assert served.progress(queued.run, progress.cursor).events == ()
    assert served.cancel(queued.run).state == "cancelled"
    assert [each.state for each in served.watch(queued.run)] == ["cancelled"]
    with pytest.raises(KduiError, match=r"is cancelled\. Resume it"):
        served.wait(queued.run)
    assert served.delete(queued.run).done == "deleted"
    with pytest.raises(KduiError, match=queued.run):
        served.progress(queued.run)


def test_what_cannot_be_done_is_told_in_the_same_words(clients, stocked):
    for wrong, part in (
        (lambda bench: bench.run("quickstrat"), "Did you mean 'quickstart'?"),
        (lambda bench: bench.run("task: digits\nstages: [teach: {epochs: many}]"), "epochs"),
        (lambda bench: bench.progress("../etc"), "run"),
        (lambda bench: bench.compare(stocked[1].id, "none"), "none"),
        (lambda bench: bench.runs(page=0), "page"),
    ):
        words = []
        for bench in clients:
            with pytest.raises(KduiError) as refused:
                wrong(bench)
            words.append(str(refused.value))
        assert words[0] == words[1] and part in words[0]


def test_a_served_page_writes_no_files_for_whoever_asks(clients, tmp_path):
    _, served = clients
    run = served.runs(state="succeeded").runs[0].run
    with pytest.raises(KduiError, match="leave 'out' empty"):
        served.call("deliver", run=run, out=str(tmp_path / "model.onnx"))
    assert served.call("deliver", run=run, model="quantize", kind="kdz").address == f"kdui-models/{run}/quantize.kdz"
    assert not list(tmp_path.iterdir())


def test_gradio_client_finds_every_action_with_types(page):
    listed = Client(page.local_url, auth=AUTH, verbose=False).view_api(print_info=False, return_format="dict")
    endpoints = listed["named_endpoints"]
    assert {f"/{name}" for name in ACTIONS} == set(endpoints)
    parameters = {each["parameter_name"]: each for each in endpoints["/run"]["parameters"]}
    assert {name: each["type"].get("type") for name, each in parameters.items()} == {
        "recipe": "string",
        "settings": "object",
        "device": "string",
    }
    assert not parameters["recipe"]["parameter_has_default"] and parameters["device"]["parameter_default"] == "auto"


def test_the_endpoints_stand_behind_the_password(page):
    with pytest.raises(KduiError, match="is 'auth' right"):
        Workbench(page.local_url, auth=("owner", "wrong"))
    for path in ("info", "queue/join", "run/list_runs"):
        request = urllib.request.Request(
            f"{page.local_url}gradio_api/{path}",
            data=None if path == "info" else b"{}",
            headers={"Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)
        assert refused.value.code == 401
