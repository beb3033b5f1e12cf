"""Accounts and roles: every call of the page, every endpoint and every file behind one check, asked over a real connection."""

import asyncio
import http.client
import json
import re
import threading
from urllib.parse import urlencode

import pytest

from kdui import Workbench as Client
from kdui.actions.offered import ACTIONS
from kdui.cli.serve import serve
from kdui.core.errors import KduiError, NotAllowed, SettingsError
from kdui.core.people import Person, Role, acting, acting_as, require
from kdui.core.places import ASSETS
from kdui.settings import Settings
from kdui.ui import rights
from kdui.ui.visitors import KNOWN_SECONDS, Visitors
from kdui.workbench.workbench import Workbench
from tests.store.made import facts, write
from tests.ui.served import launched
from tests.ui.test_guard import CALL, ask, panel, routes_of

PEOPLE = {"vera": Role.VIEWER, "rita": Role.RUNNER, "ralf": Role.RUNNER, "hal": Role.HOST}
PASSWORD = "correct horse"
ENDPOINT = "/gradio_api/run/"
OPEN_TO_ALL = re.compile(
    r"/|/healthz|/login/?|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/(assets|static|svelte|kdui-assets|join|kdui-class|kdui-runtime)/.*"
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    for name, role in PEOPLE.items():
        bench.store.accounts.add(name, role, PASSWORD)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def page(bench):
    with launched(bench) as page:
        yield page


def signed_in(page, name, password=PASSWORD):
    """The cookies of whoever signs in by the form."""
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=60)
    form = urlencode({"username": name, "password": password})
    connection.request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        return None
    return "; ".join(value.partition(";")[0] for key, value in answer.getheaders() if key.lower() == "set-cookie")


@pytest.fixture(scope="module")
def cookies(page):
    return {name: signed_in(page, name) for name in PEOPLE}


def called(page, cookie, name, /, **data):
    """What a server function answers to the owner of a cookie."""
    answer, text = ask(page, "POST", CALL, {"component_id": panel(page, name), "fn_name": name, "data": data}, Cookie=cookie)
    return json.loads(text) if answer.status == 200 else {"error": f"{answer.status} {text}"}


def refused(answer):
    return re.search(r"Your role is \w+: .*takes the role", str(answer.get("error", "")))


def functions_of(page):
    return sorted({call.__name__ for block in page.blocks.values() for call in getattr(block, "server_fns", [])})


def test_every_call_of_the_page_stands_in_the_table_and_is_wrapped(page):
    names = functions_of(page)
    handlers = {handler.fn.__name__ for handler in page.fns.values() if handler.fn is not None}
    assert len(names) > 50 and set(ACTIONS) < handlers
    assert {*names, *handlers} == set(rights.NEEDS)
    every = [call for block in page.blocks.values() for call in getattr(block, "server_fns", [])]
    every += [handler.fn for handler in page.fns.values() if handler.fn is not None]
    assert all(call.__module__.startswith("kdui.") and hasattr(call, "__wrapped__") for call in every)
    assert rights.needed("nobody_thought_of_it") is Role.HOST


def test_no_route_answers_without_an_account_but_those_of_the_form_and_of_a_class(page):
    for path, methods in routes_of(page):
        for method in methods:
            if OPEN_TO_ALL.fullmatch(path):
                continue
            answer, text = ask(page, method, path, {} if method == "POST" else None)
            assert answer.status in (401, 404, 405), (method, path, answer.status, text[:200])
    for path in ("/kdui-models/x/y.onnx", "/kdui-decks/x.html", "/metrics"):
        assert ask(page, path=path)[0].status == 401
    assert ask(page, "POST", "/kdui-streams/text", {})[0].status == 401


@pytest.mark.parametrize("name", ["vera", "rita"])
def test_no_server_function_does_for_a_role_what_takes_a_higher_one(page, cookies, name):
    for function in functions_of(page):
        if not PEOPLE[name].includes(rights.needed(function)):
            assert refused(called(page, cookies[name], function)), function
    for function, data in (
        ("run_marks", {"run": "x", "marks": {"pinned": True}}),
        ("saved_views", {"save": "mine"}),
        ("saved_views", {"remove": "mine"}),
        ("build_sweep", {"queue": True}),
        ("build_search", {"queue": True}),
    ):
        assert bool(refused(called(page, cookies[name], function, **data))) is (name == "vera"), function


def test_what_a_role_may_do_is_done(page, cookies):
    assert called(page, cookies["vera"], "run_table")["total"] == 0
    assert "html" in called(page, cookies["vera"], "saved_views")
    assert not refused(called(page, cookies["rita"], "own_upload", file="a.txt"))
    assert called(page, cookies["hal"], "class_look") == {"open": False} | called(page, cookies["hal"], "class_look")
    poll = next(number for number, handler in page.fns.items() if handler.fn and handler.fn.__name__ == "poll")
    body = {"fn_index": poll, "data": [""], "session_hash": "x"}
    text = ask(page, "POST", ENDPOINT + "predict", body, Cookie=cookies["vera"])[1]
    assert "vera" in text and "viewer" in text and "Sign out" in text


def test_endpoints_are_behind_the_same_check_in_and_out_of_the_queue(page, cookies):
    given = {"recipe": "quickstart", "values": {"seed": [0]}, "run": "x", "name": "mine", "places": 1}
    with Client(page.local_url, auth=("vera", PASSWORD)) as client:  # by the queue, as MCP tools do
        for action in ACTIONS.values():
            if action.effect == "reads":
                continue
            with pytest.raises(KduiError, match="Your role is viewer: to do this takes the role runner"):
                client.call(action.name, **{each.name: given[each.name] for each in action.parameters if each.name in given})
        assert client.runs().total >= 0
    number, handler = next((n, h) for n, h in page.fns.items() if h.fn and h.fn.__name__ == "save_recipe")
    body = {"fn_index": number, "data": ["quickstart", "mine", False][: len(handler.inputs)], "session_hash": "x"}
    assert "takes the role runner" in ask(page, "POST", ENDPOINT + "save_recipe", body, Cookie=cookies["vera"])[1]


def test_a_run_belongs_to_who_queued_it(page, bench, cookies):
    with Client(page.local_url, auth=("rita", PASSWORD)) as rita:
        run = rita.run("quickstart").run
        assert bench.store.runs.get(run).queued_by == "rita" and rita.runs().runs[0].queued_by == "rita"
        family = bench.store.runs.get(rita.sweep("quickstart", {"seed": [5, 6]})[0].run)
        assert family.queued_by == "rita"
    assert "queued by rita" in called(page, cookies["vera"], "run_table")["html"]
    for name, own in (("vera", False), ("ralf", False), ("rita", True), ("hal", True)):
        actions = called(page, cookies[name], "run_detail", run=run)["actions"]
        assert ('data-act="cancel"' in actions) is own, name
    for act in ("cancel", "resume", "delete", "move"):
        answer = called(page, cookies["ralf"], "run_act", run=run, act=act, places=1)
        assert "rita queued it" in answer["error"], act
    family = bench.store.families.of_runs([family.id])[family.id]
    for act in ("pause", "cancel", "resume", "extend", "delete"):
        answer = called(page, cookies["ralf"], "run_family_act", family=family, act=act, setting="seed", values="7")
        assert "rita queued it" in answer["error"], act
    assert called(page, cookies["rita"], "run_act", run=run, act="cancel") == {"done": "cancel"}
    assert called(page, cookies["hal"], "run_act", run=run, act="delete") == {"done": "delete"}
    assert called(page, cookies["hal"], "run_family_act", family=family, act="cancel") == {"done": "cancel"}


def test_a_new_role_a_new_password_and_a_removal_hold_for_who_is_signed_in(page, bench, monkeypatch):
    monkeypatch.setattr("kdui.ui.visitors.KNOWN_SECONDS", -1.0)
    bench.store.accounts.add("temp", Role.VIEWER, PASSWORD)
    cookie = signed_in(page, "temp")
    assert refused(called(page, cookie, "own_upload"))
    bench.store.accounts.set_role("temp", Role.RUNNER)
    assert not refused(called(page, cookie, "own_upload"))
    bench.store.accounts.set_password("temp", PASSWORD + "!")
    assert called(page, cookie, "run_table")["error"].startswith("401")
    assert signed_in(page, "temp") is None
    cookie = signed_in(page, "temp", PASSWORD + "!")
    assert called(page, cookie, "run_table")["total"] >= 0
    bench.store.accounts.remove("temp")
    assert called(page, cookie, "run_table")["error"].startswith("401")
    assert KNOWN_SECONDS <= 5  # what a removal may take otherwise


def test_wrong_names_and_passwords_are_refused(page, bench):
    assert signed_in(page, "vera", "wrong password") is None and signed_in(page, "nobody") is None

    async def judged():
        visitors = Visitors(bench, ("owner", "the one password"))
        assert await visitors.verified("owner", "the one password") and not await visitors.verified("owner", PASSWORD)
        assert await visitors.verified("vera", PASSWORD) and not await visitors.verified("vera", "the one password")
        assert (await visitors.known("owner")).person.role is Role.HOST  # whoever has the one password
        assert (await visitors.known("nobody")).person is None

    asyncio.run(judged())


def test_serving_to_others_needs_a_password_or_accounts(tmp_path):
    with pytest.raises(KduiError, match=r"Set KDUI_AUTH=user:password first, or add accounts"):
        serve(Workbench(Settings(home=tmp_path / "home", quickstart=False)), "0.0.0.0", 0, threading.Event())


def test_passwords_are_hashed_by_argon2_and_never_come_out(bench):
    accounts = bench.store.accounts
    with bench.store.runs.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT hash FROM accounts WHERE name = 'vera'").scalars().all()
    assert rows[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$") and PASSWORD not in rows[0]
    assert accounts.verified("vera", PASSWORD) and not accounts.verified("vera", PASSWORD + " ")
    assert "hash" not in accounts.all()[0].model_dump()
    for name in ("../x", "", "a b", "x" * 65, "<b>", "-x"):
        with pytest.raises(KduiError, match="begins with a letter"):
            accounts.add(name, Role.VIEWER, PASSWORD)
    with pytest.raises(KduiError, match="already"):
        accounts.add("vera", Role.HOST, PASSWORD)
    with pytest.raises(KduiError, match="8 to 1,024"):
        accounts.add("short", Role.HOST, "1234567")


# --- a proxy that says who is there ------------------------------------------------------------------------------------------


def test_a_trusted_proxy_names_people_and_nobody_else_does(tmp_path):
    proxy = {"proxy_header": "X-Remote-User", "proxy_address": "127.0.0.1"}
    bench = Workbench(Settings(home=tmp_path / "home", quickstart=False, **proxy))
    with launched(bench) as page:
        call = {"component_id": panel(page, "run_table"), "fn_name": "run_table", "data": {}}
        assert ask(page, "POST", CALL, call)[0].status == 401
        answer, _ = ask(page, "POST", CALL, call, X_Remote_User="ada@example.org", X_Forwarded_For="10.1.2.3")
        assert answer.status == 200 and bench.store.accounts.person("ada@example.org")[0].role is Role.VIEWER
        for bad in ("", "a b", ["ada", "eve"], "../x"):
            assert ask(page, "POST", CALL, call, X_Remote_User=bad)[0].status == 401
        keep = {"component_id": panel(page, "own_upload"), "fn_name": "own_upload", "data": {}}
        assert "takes the role runner" in ask(page, "POST", CALL, keep, X_Remote_User="ada@example.org")[1]
        visitors = page.app._guarded.application.visitors
        visitors.addresses = ("192.0.2.7",)  # the proxy stands elsewhere: whoever else asks is not believed, whatever is sent
        for path in ("/", "/config", "/kdui-assets/plotly.min.js"):
            answer, text = ask(page, path=path, X_Remote_User="hal", X_Forwarded_For="192.0.2.7")
            assert answer.status == 401 and "through a proxy alone" in text
        assert ask(page, path="/healthz")[0].status != 401
    bench.close()


def test_half_a_proxy_and_two_doors_are_refused(tmp_path):
    home = {"home": tmp_path, "quickstart": False}
    for settings, auth in (
        ({"proxy_header": "X-User"}, None),
        ({"proxy_address": "127.0.0.1"}, None),
        ({"proxy_header": "X-User", "proxy_address": "127.0.0.1"}, ("a", "b")),
    ):
        with pytest.raises(SettingsError, match="KDUI_PROXY_HEADER"):
            Visitors(Workbench(Settings(**home, **settings)), auth)
    for name, value in (("KDUI_PROXY_HEADER", "Host"), ("KDUI_PROXY_ADDRESS", "proxy.example"), ("KDUI_PROXY_ROLE", "king")):
        with pytest.raises(SettingsError, match=name):
            Settings.from_environment({"KDUI_HOME": str(tmp_path), name: value})


# --- limits ------------------------------------------------------------------------------------------------------------------


def test_a_person_s_runs_disk_and_uploads_are_limited_and_a_host_s_are_not(tmp_path):
    limits = {"person_runs": 2, "person_disk_gb": 1e-6, "person_upload_mb": 0.001}
    bench = Workbench(Settings(home=tmp_path / "home", quickstart=False, **limits))
    bench.store.accounts.add("rita", Role.RUNNER, None)
    rita, recipe = Person(name="rita", role=Role.RUNNER), bench.recipe("quickstart")
    with acting_as(rita):
        run = bench.submit(recipe)
        with pytest.raises(NotAllowed, match=r"You have 1 of 2 runs .*this would add 2\. Wait for some to end"):
            bench.submit_sweep(recipe, {"seed": [1, 2]})
        bench.submit(recipe)
        with pytest.raises(NotAllowed, match=r"2 of 2 runs"):
            bench.submit(recipe)
        bench.limits.send(600)
        with pytest.raises(NotAllowed, match=r"0\.001 MB a day"):
            bench.limits.send(600)
        bench.limits.send(400)
        for each in bench.runs().rows:
            bench.cancel(each.id)
    with bench.store.artifacts.draft(run.steps[0].digest) as folder:
        write(folder, {"weights": b"0" * 2000})
        bench.store.artifacts.commit(folder, {**facts("x"), "digest": run.steps[0].digest})
    with acting_as(rita), pytest.raises(NotAllowed, match=r"hold 0\.00 of 1e-06 GB .*Delete runs"):
        bench.submit(recipe)
    for _ in range(3):
        bench.submit(recipe)  # whoever has the machine
    bench.limits.send(10**9)


def test_what_is_hidden_from_a_role_is_something_of_the_page():
    """A selector that finds nothing would hide nothing."""
    css = (ASSETS / "roles.css").read_text()
    markup = "".join(path.read_text() for path in (ASSETS.parent / "kdui" / "ui").rglob("*.py"))
    names = {*re.findall(r"#([\w-]+)", css), *re.findall(r"\[(data-(?!role)[\w-]+)", css)} - {"present-panel"}
    assert len(names) > 10 and [name for name in sorted(names) if name not in markup] == []


def test_whoever_started_the_process_is_its_host_and_threads_inherit_who_acts():
    assert acting().may(Role.HOST)
    with (
        acting_as(Person(name="v", role=Role.VIEWER)),
        pytest.raises(NotAllowed, match="Your role is viewer: to queue runs takes the role runner"),
    ):
        require(Role.RUNNER, "queue runs")
    assert acting().may(Role.HOST)
