"""Who is let in: names, origins and kinds of body, asked over a real connection of the real page as a browser would ask."""

import asyncio
import http.client
import json

import pytest

from kdui.settings import Settings
from kdui.ui import sign_in
from kdui.ui.guard import Guard, allowed_hosts
from kdui.ui.sign_in import MOST_WRONG, MOST_WRONG_IN_ALL, WINDOW_SECONDS, WrongPasswords
from kdui.workbench.workbench import Workbench
from tests.ui.served import launched

CALL = "/gradio_api/component_server"
PROXIED = "lab.example"
FOREIGN_NAMES = (
    "evil.example",
    "x.localhost",
    "localhost.",
    "127.0.0.1.",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "0.0.0.0",
    "127.1",
    "2130706433",
    "[::2]",
    "[::1",
    "localhost:port",
    "",
    "évil".encode().decode("latin-1"),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def page(bench):
    with launched(bench, hosts=allowed_hosts(PROXIED, "127.0.0.1")) as page:
        yield page


@pytest.fixture(scope="module")
def locked(bench):
    with launched(bench, auth=("owner", "right")) as page:
        yield page


def ask(page, method="GET", path="/", body=None, host=None, **headers):
    """The answer and its text; a header given as None is left out, as a list is sent more than once."""
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    given = {"Host": f"127.0.0.1:{page.server_port}" if host is None else host}
    if body is not None:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                connection.putheader(name, one)
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer, text


def panel(page, function):
    """The number of the component that offers a server function."""
    return next(
        number for number, block in page.blocks.items() if function in [f.__name__ for f in getattr(block, "server_fns", ())]
    )


def routes_of(page):
    """Every route of the application with something in place of its parameters, and its methods."""
    routers, collected = [page.app], []
    while routers:
        for route in routers.pop().routes:
            if inner := getattr(route, "original_router", None):
                routers.append(inner)
            else:
                path = route.path.replace("{path:path}", "x.js").replace("{", "").replace("}", "").replace(":path", "")
                collected.append((path, sorted(route.methods)))
    assert len(collected) > 60 and any(
        "run-history" not in path and "/upload" in path for path, _ in collected
    )  # Gradio's own too
    return collected


@pytest.mark.parametrize("name", FOREIGN_NAMES)
def test_a_foreign_name_is_refused_in_words(page, name):
    for host in (name, f"{name}:{page.server_port}"):
        answer, text = ask(page, host=host)
        assert answer.status in (400, 403)  # 400: no name at all, as HTTP has it
        assert "kdui" in text or answer.status == 400


def test_a_foreign_name_is_refused_on_every_route_and_method(page):
    for path, methods in routes_of(page):
        for method in {*methods, "GET", "POST", "PUT", "DELETE", "OPTIONS"}:
            answer, _ = ask(page, method, path, host="evil.example", body={} if method == "POST" else None)
            assert answer.status == 403, (method, path)
            assert answer.getheader("access-control-allow-origin") is None


def test_two_names_at_once_are_none(page):
    assert ask(page, host=[f"127.0.0.1:{page.server_port}", "evil.example"])[0].status in (400, 403)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "[::1]", "[0:0:0:0:0:0:0:1]", PROXIED, PROXIED.upper()])
def test_own_names_are_answered_with_any_port_and_without(page, name):
    for host in (name, f"{name}:{page.server_port}", f"{name}:9999"):
        assert ask(page, host=host)[0].status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "file://", "x"])
def test_a_foreign_origin_is_refused_on_every_method(page, origin):
    call = {"component_id": panel(page, "run_table"), "fn_name": "run_table", "data": {}, "session_hash": "x"}
    for method, path, body in (("GET", "/", None), ("OPTIONS", CALL, None), ("POST", CALL, call), ("GET", "/config", None)):
        answer, _ = ask(page, method, path, body, Origin=origin, Access_Control_Request_Method="POST")
        assert answer.status == 403
        assert [name for name, _ in answer.getheaders() if name.lower().startswith("access-control")] == []


def test_the_page_itself_and_a_client_without_headers_may_ask(page):
    call = {"component_id": panel(page, "run_table"), "fn_name": "run_table", "data": {}, "session_hash": "x"}
    own = f"http://127.0.0.1:{page.server_port}"
    for headers in ({}, {"Origin": own}, {"Origin": own, "Sec_Fetch_Site": "same-origin"}):
        answer, text = ask(page, "POST", CALL, call, **headers)
        assert answer.status == 200 and json.loads(text)["total"] == 0
        assert answer.getheader("access-control-allow-credentials") is None
    answer, _ = ask(page, "POST", CALL, call, host=PROXIED, Origin=f"https://{PROXIED}")  # a proxy took the TLS off
    assert answer.status == 200
    answer, _ = ask(page, "POST", CALL, call, host=PROXIED, Origin="https://evil.example")  # and passes on what it gets
    assert answer.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_another_site_may_link_to_the_page_and_nothing_else(page, site):
    link = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert ask(page, path="/?tab=runs&run=x", **link)[0].status == 200
    assert ask(page, path="/config", **link)[0].status == 403
    assert ask(page, path="/kdui-models/x/y.onnx", **link)[0].status == 403
    assert ask(page, path="/kdui-decks/Board.html", **link)[0].status == 403
    assert ask(page, **{**link, "Sec_Fetch_Dest": "iframe"})[0].status == 403
    assert ask(page, **{**link, "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"})[0].status == 403
    assert ask(page, "POST", CALL, {}, **link)[0].status == 403
    assert ask(page, "POST", "/", {}, **link)[0].status == 403


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "", None])
def test_only_json_is_taken(page, kind):
    call = {"component_id": panel(page, "run_table"), "fn_name": "run_table", "data": {}, "session_hash": "x"}
    for path in (CALL, CALL + "/", "/gradio_api/queue/join", "/gradio_api/run/predict"):
        assert ask(page, "POST", path, call, Content_Type=kind)[0].status == 415
    assert ask(page, "POST", "/gradio_api/upload", b"--x--", Content_Type=kind)[0].status == 404


def test_bodies_are_measured_before_they_are_read(page):
    assert ask(page, "POST", CALL, b"{}", Content_Length="12000001")[0].status == 413
    assert ask(page, "POST", CALL, b"{}", Content_Length=None, Transfer_Encoding="chunked")[0].status == 411


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[" * 200_000, 422),
        (b"\xff", 422),
        ([], 422),
        ({}, 404),
        ({"component_id": "1", "fn_name": "run_table"}, 404),
        ({"component_id": 10**6, "fn_name": "run_table"}, 404),
        ({"component_id": [1], "fn_name": ["run_table"]}, 404),
        ({"component_id": 1, "fn_name": "postprocess"}, 404),
        ({"component_id": 1, "fn_name": "__class__", "data": [1]}, 422),
    ],
)
def test_malformed_calls_are_answered_in_words(page, body, status):
    answer, text = ask(page, "POST", CALL, body)
    assert answer.status == status and json.loads(text)["error"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"run": "x"},
        {"run": "x", "act": "move", "places": "many"},
        {"run": "x", "act": "move", "places": 10**400},
        {"run": "x" * 1_000_001, "act": "cancel"},
        {"run": [[]] * 2_000_001, "act": "cancel"},
        {"run": json.loads("[" * 50 + "]" * 50), "act": "cancel"},
    ],
)
def test_calls_with_values_that_no_form_holds_are_reported(page, data):
    answer, text = ask(page, "POST", CALL, {"component_id": panel(page, "run_act"), "fn_name": "run_act", "data": data})
    assert answer.status == 422 and "fault of kdui" not in json.loads(text)["error"]


@pytest.mark.parametrize("path", ["/gradio_api/run/predict", "/gradio_api/queue/join"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        [],
        {},
        {"data": []},
        {"data": [], "fn_index": 999},
        {"data": [], "fn_index": -1},
        {"data": [], "fn_index": "0"},
        {"data": [], "fn_index": 0},
        {"data": "x", "fn_index": 0},
        {"data": ["x" * 1_000_001], "fn_index": 0},
    ],
)
def test_malformed_events_are_reported(page, path, body):
    answer, text = ask(page, "POST", path, body)
    assert answer.status == 422 and "fault of kdui" not in text and text.strip()


def test_visitors_who_come_and_go_take_no_memory_for_ever(page):
    sessions = page.app.state_holder
    assert sessions.capacity == 200
    before = len(sessions.session_data)
    call = {"component_id": panel(page, "run_table"), "fn_name": "run_table", "data": {}}
    for number in range(20):
        assert ask(page, "POST", CALL, {**call, "session_hash": f"visitor-{number}"})[0].status == 200
    assert len(sessions.session_data) == before


def test_every_answer_says_that_it_is_not_to_be_framed_or_guessed_at(page):
    for path in ("/", "/config", "/kdui-assets/modules/-/shell.js", "/nowhere", "/kdui-assets/none.js"):
        headers = ask(page, path=path)[0]
        assert "frame-ancestors 'none'" in headers.getheader("content-security-policy")
        assert headers.getheader("x-frame-options") == "DENY" and headers.getheader("x-content-type-options") == "nosniff"
        assert headers.getheader("referrer-policy") == "same-origin"
    assert ask(page, host="evil.example")[0].getheader("x-frame-options") == "DENY"


def test_routes_that_nobody_asked_for_are_closed(page):
    for path in (
        "/gradio_api/run-history/buckets",
        "/gradio_api/runs",
        "/gradio_api/vibe-code",
        "/gradio_api/proxy=http://x.hf.space/",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/openapi.json",
        "/openapi.json",
        "/docs",
        "/monitoring",
    ):
        assert ask(page, path=path)[0].status == 404, path


def test_without_a_cookie_no_route_answers_but_the_form(locked):
    shown = set()
    for path, methods in routes_of(locked):
        for method in methods:
            answer, text = ask(locked, method, path, body={} if method == "POST" else None)
            if answer.status not in (401, 404, 405, 415):
                shown.add(path)
            assert "run_table" not in text, path
    files = {path for path in shown if path.startswith(("/assets/", "/static/", "/svelte/", "/kdui-assets/"))}
    form = {"/", "/login", "/login/", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/healthz"}
    own = {"/join/code", "/kdui-class/call", "/kdui-runtime/version/name"}  # a class has a code: test_class_routes.py
    assert shown - files <= form | own
    assert "/" in shown
    assert ask(locked, path="/gradio_api/startup-events")[0].status == 401
    assert ask(locked, path="/kdui-models/x/y.onnx")[0].status == 401
    assert ask(locked, path="/kdui-decks/Board.html")[0].status == 401


def login(page, password, **headers):
    body = f"username=owner&password={password}".encode()
    return ask(page, "POST", "/login", body, Content_Type="application/x-www-form-urlencoded", **headers)


def test_a_right_password_opens_every_route_and_its_cookie_stays_on_this_site(locked):
    answer, _ = login(locked, "right")
    assert answer.status == 200
    cookies = answer.headers.get_all("set-cookie")
    assert cookies and all(cookie.endswith("; SameSite=Lax") and "none" not in cookie for cookie in cookies)
    cookie = "; ".join(one.partition(";")[0] for one in cookies)
    assert "components" in json.loads(ask(locked, path="/config", Cookie=cookie)[1])
    assert ask(locked, path="/kdui-models/x/y.onnx", Cookie=cookie)[0].status == 409  # there is no such run
    guessed = cookie.replace("=", "=x")
    assert ask(locked, path="/config", Cookie=guessed)[0].status == 401
    for foreign in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        assert login(locked, "right", **foreign)[0].status == 403


def test_guessing_is_throttled_for_that_address_alone(locked):
    there, elsewhere = {"X_Forwarded_For": "10.0.0.7"}, {"X_Forwarded_For": "10.0.0.8"}
    actual = [login(locked, "wrong", **there)[0] for _ in range(MOST_WRONG + 2)]
    assert [answer.status for answer in actual] == [400] * MOST_WRONG + [429] * 2
    assert 0 < int(actual[-1].getheader("retry-after")) <= WINDOW_SECONDS
    answer, words = login(locked, "right", **there)
    assert answer.status == 429 and "Try again in" in words
    assert login(locked, "right", **elsewhere)[0].status == 200
    assert [login(locked, "right", **elsewhere)[0].status for _ in range(MOST_WRONG + 2)] == [200] * (MOST_WRONG + 2)


def test_guesses_under_many_addresses_are_throttled_together():
    """Whoever reaches the port from this machine may name any address in X-Forwarded-For."""
    now = [0.0]
    wrong = WrongPasswords(lambda: now[0])
    for at in range(MOST_WRONG_IN_ALL):
        now[0] = at / 10
        assert wrong.wait(f"10.0.0.{at}") == 0
        wrong.note(f"10.0.0.{at}")
    assert wrong.wait("10.9.9.9") == wrong.of_all() == WINDOW_SECONDS - MOST_WRONG_IN_ALL // 10 + 1
    wrong.forget("10.0.0.3", 0.3)  # it was right
    assert wrong.wait("10.9.9.9") == 0
    wrong.note("10.9.9.9")
    now[0] = WINDOW_SECONDS + 0.05
    assert wrong.wait("10.9.9.9") == 0


def test_a_forged_address_does_not_get_past_the_throttle(locked, monkeypatch):
    monkeypatch.setattr(sign_in, "MOST_WRONG_IN_ALL", MOST_WRONG)
    actual = [login(locked, "wrong", X_Forwarded_For=f"10.1.0.{number}") for number in range(MOST_WRONG + 20)]
    refused = [answer.status for answer, _ in actual].index(429)
    assert refused <= MOST_WRONG and {answer.status for answer, _ in actual[refused:]} == {429}
    assert "from this address" not in actual[-1][1]


def test_an_address_may_guess_again_after_a_minute():
    now = [0.0]
    wrong = WrongPasswords(lambda: now[0])
    for at in range(MOST_WRONG):
        now[0] = float(at)
        assert wrong.wait("a") == 0
        wrong.note("a")
    assert wrong.wait("a") == WINDOW_SECONDS - MOST_WRONG + 1 and wrong.wait("b") == 0
    now[0] = WINDOW_SECONDS
    assert wrong.wait("a") == 0


def test_the_guard_passes_pieces_on_as_they_come_and_closes_websockets():
    sent = []

    async def pieces(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"access-control-allow-origin", b"*")]})
        for piece in (b"one", b"two"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            assert sent[-1]["body"] == piece  # it has left before the next one is made

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/gradio_api/queue/data", "headers": [(b"host", b"localhost")]}
    asyncio.run(Guard(pieces)(scope, receive, send))
    assert [message.get("body") for message in sent] == [None, b"one", b"two"]
    assert b"access-control-allow-origin" not in dict(sent[0]["headers"])
    sent.clear()
    for headers in ([(b"host", b"localhost")], [(b"host", b"localhost"), (b"origin", b"http://evil.example")]):
        asyncio.run(Guard(pieces)({"type": "websocket", "path": "/", "headers": headers}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"] * 2


def test_an_address_that_was_reached_is_its_own_name():
    async def fine(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def status(host, reached):
        got = []

        async def send(message):
            got.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", host)], "server": reached}
        await Guard(fine)(scope, None, send)
        return got[0]["status"]

    assert asyncio.run(status(b"192.168.1.5:7860", ("192.168.1.5", 7860))) == 200
    assert asyncio.run(status(b"192.168.1.6:7860", ("192.168.1.5", 7860))) == 403
    assert asyncio.run(status(b"[fd00::1]:7860", ("fd00::1", 7860, 0, 0)[:2])) == 200
    assert allowed_hosts(None, "0.0.0.0") == () and allowed_hosts("a.example, b.example", "::1") == (
        "a.example",
        "b.example",
        "::1",
    )
