"""A class over real connections: thirty participants vote and queue runs on one server, and nobody else gets anything."""

import hashlib
import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from playwright.sync_api import expect

from kdui.core.run import RunState
from kdui.modalities.image.prepare import parse
from kdui.settings import Settings
from kdui.tasks.digits.spec import TASK as DIGITS
from kdui.ui.class_address import join_link
from kdui.ui.classroom import Bound, ClassroomCalls
from kdui.ui.page import assets_version
from kdui.ui.qr_code import qr_matrix, qr_svg
from tests.ui.served import launched
from tests.ui.stocked import StockedWorkbench, measured

CLIENTS = 30
LINK = "http://192.168.178.25:7860/join/K7QXPA"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def page(bench):
    with launched(bench, auth=("lecturer", "secret")) as page:
        yield page


@pytest.fixture(scope="module")
def lecturer(page):
    """The calls of the lecturer's own page."""
    functions = (call for block in page.blocks.values() for call in getattr(block, "server_fns", ()))
    return next(call for call in functions if call.__name__ == "class_act")


def send(page, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=60)
    given = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, path, None if body is None else json.dumps(body), given)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def call(page, name, **asked):
    status, text = send(page, "POST", f"/kdui-class/{name}", asked)
    return status, json.loads(text)


def end(bench, run):
    """As a worker would leave it, after measuring its models."""
    bench.store.runs.claim("cpu")
    row = {"task": "digits", "label": "The student", "model": "cnn-small", "digest": f"d-{run}", "group": run, "macs": 1e5}
    row |= {"headline": 91.0, "headline_low": 88.0, "headline_high": 94.0, "latency_ms": None, "file_mb": 0.006}
    row |= {"gzip_mb": 0.005, "packed_mb": 0.003, "parameters": 1384, "retained": 93.0, "speedup": None, "role": "compressed"}
    bench.store.results.record(run, "measure.quantize", [measured("accuracy", 91.0, "%")], {**row, **ORIGINS})
    bench.store.runs.transition(run, RunState.SUCCEEDED)


ORIGINS = {"origin": "measured", "latency_origin": "measured"}


def test_thirty_participants_share_one_board_in_fair_turns(page, bench, lecturer):
    code = lecturer({"act": "show", "activity": "question", "lesson": "temperature"})["code"]
    with ThreadPoolExecutor(CLIENTS) as pool:
        joined = list(pool.map(lambda number: call(page, "join", code=code, nickname=f"Nr {number}")[1], range(CLIENTS)))
        tokens = [each["token"] for each in joined]
        assert len(set(tokens)) == CLIENTS
        votes = list(pool.map(lambda token: call(page, "answer", token=token, lesson="temperature", choice=1)[0], tokens))
        assert set(votes) == {200}
        message = lecturer({"act": "reveal"})
        assert message["question"]["total"] == CLIENTS and message["question"]["counts"][1] == CLIENTS
        lecturer({"act": "show", "activity": "board"})
        knobs = [{"student": "cnn-tiny", "temperature": 1 + number % 20, "bits": 4} for number in range(CLIENTS)]
        twice = [*zip(tokens, knobs, strict=True)] * 2
        assert {call(page, "wish", token=token, knobs=each)[0] for token, each in twice} == {200}
    board = lecturer({"act": "show", "activity": "board"})["board"]
    assert (len(board["points"]), board["waiting"]) == (2, 2 * CLIENTS - 2)
    for _ in range(4):
        for point in board["points"]:
            if point["state"] == "queued":
                end(bench, point["run"])
        board = lecturer({"act": "show", "activity": "board"})["board"]
    turns = [point["nickname"] for point in board["points"]]
    assert len(turns) == 10 and len(set(turns)) == 10  # nobody has a second turn while others had none
    status, seen = call(page, "look", token=tokens[-1])
    ended = [point for point in seen["board"]["points"] if point["accuracy"] is not None]
    assert status == 200 and len(ended) == 8 and ended[0]["accuracy"] == 91.0 and ended[0]["kilobytes"] == 3.0
    tagged = bench.store.marks.of([point["run"] for point in board["points"]])
    assert [tagged[point["run"]].tags for point in board["points"]] == [(name,) for name in turns]
    lecturer({"act": "freeze"})
    assert "frozen" in call(page, "wish", token=tokens[0], knobs={})[1]["error"]
    assert lecturer({"act": "clear"})["board"]["points"] == []
    lecturer({"act": "thaw"})


def test_the_page_for_a_phone_is_small_and_needs_no_password(page):
    status, text = send(page, "GET", "/join/ABCDEF")
    assert status == 200 and len(text) < 20_000 and "gradio" not in text.partition("<body>")[2]
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert send(page, "GET", "/join/ABCDEF", **link)[0] == 200
    assert send(page, "GET", "/config")[0] == 401  # the code opens nothing else


def test_a_call_from_elsewhere_or_without_a_place_in_the_class_is_refused(page):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        assert send(page, "POST", "/kdui-class/look", {"token": "x"}, **headers)[0] == 403
    assert send(page, "POST", "/kdui-class/look", {"token": "x"}, Content_Type="text/plain")[0] == 415
    assert send(page, "GET", "/kdui-class/look")[0] == 405
    assert call(page, "look", token="x")[0] == 409
    assert call(page, "room", token="x")[0] == 404
    for request in ({}, {"token": "x", "knobs": {"student": "x" * 5000}}):
        assert call(page, "wish", **request)[0] in (409, 422)


def test_what_is_beyond_the_few_settings_is_refused_in_words(page, lecturer):
    code = lecturer({"act": "show", "activity": "board"})["code"]
    token = call(page, "join", code=code, nickname="Careful")[1]["token"]
    for knobs in ({"student": "minilm-l6"}, {"temperature": 1e9}, {"bits": 5}, {"epochs": 900}, "x", None):
        status, message = call(page, "wish", token=token, knobs=knobs)
        assert status == 422 and message["error"]


def test_the_link_leads_to_the_name_that_reaches_this_server(page, bench):
    assert join_link("http://192.168.1.5:7860", "0.0.0.0", 7860, "K7QXPA") == "http://192.168.1.5:7860/join/K7QXPA"
    assert join_link("https://lab.example", "127.0.0.1", 7860, "K7QXPA") == "https://lab.example/join/K7QXPA"
    assert join_link("http://127.0.0.1:7860", "127.0.0.1", 7860, "K7QXPA") == ""
    assert join_link("http://localhost:8000", "10.0.0.7", 8000, "K7QXPA") == "http://10.0.0.7:8000/join/K7QXPA"
    assert join_link("javascript://x", "fd00::1", 80, "K7QXPA") == "http://[fd00::1]:80/join/K7QXPA"
    room = next(block for block in page.blocks.values() if block.elem_id == "classroom-panel")
    assert [function.__name__ for function in room.server_fns] == ["class_look", "class_act"]
    assert ClassroomCalls(None, Bound()).bound.host == "127.0.0.1"


def test_a_phone_predicts_queues_and_is_told_what_is_missing(page, lecturer, browser):
    message = lecturer({"act": "show", "activity": "question", "lesson": "capacity"})
    lecturer({"act": "clear"})
    phone = browser.new_page(viewport={"width": 390, "height": 844})
    phone.set_default_timeout(60_000)
    wrong = []
    phone.on("pageerror", lambda problem: wrong.append(str(problem)))
    phone.goto(f"http://127.0.0.1:{page.server_port}/join/{message['code']}")
    phone.locator("#join-nickname").fill("Grace")
    phone.locator("#join-form button").click()
    phone.locator(".choice").nth(1).click()
    phone.locator('.choice[aria-pressed="true"]').wait_for()
    assert lecturer({"act": "reveal"})["question"]["counts"] == [0, 1, 0]
    phone.locator(".bars .right").wait_for()
    lecturer({"act": "show", "activity": "board"})
    phone.locator("#wish-form button").click()
    phone.locator(".mine li").wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    lecturer({"act": "show", "activity": "drawing"})
    expect(phone.locator("#digit-told")).to_contain_text("no ONNX Runtime for browsers yet")
    code = """async ([name, pads]) => {
        const { digitImage } = await import(new URL(name, location.href));
        return pads.map((grey) => digitImage.prepared(grey, 8, 8));
    }"""
    pads = drawings()
    module = f"../kdui-assets/modules/{assets_version()}/digit_image.js"
    result = phone.evaluate(code, [module, [pad.tolist() for pad in pads]])
    for levels, pad in zip(result, pads, strict=True):
        assert np.abs(np.array(levels) - parse(pad, DIGITS).ravel()).max() <= 1  # a half may round either way
    assert phone.evaluate(code, [module, [[[255, 255], [255, 255]]]]) == [None]
    phone.close()
    assert wrong == []


def drawings():
    """Dark strokes on white pads [n][height, width]: thick and thin, tall, wide, and near a corner."""
    draw = np.random.default_rng(4)
    pads = np.full((4, 56, 56), 255, dtype=np.uint8)
    for pad, (high, wide) in zip(pads, ((40, 12), (10, 44), (30, 30), (23, 17)), strict=True):
        top, left = draw.integers(1, 55 - high), draw.integers(1, 55 - wide)
        pad[top : top + high, left : left + wide] = draw.integers(0, 255, (high, wide))
    return pads


def test_the_qr_code_is_the_one_of_an_independent_implementation():
    rows = "".join(str(int(dark)) for row in qr_matrix((LINK + "----")[:42]) for dark in row)
    assert hashlib.sha256(rows.encode()).hexdigest() == "47149a4a155e66d31b7ab636f5998f8052226733751f044c2e44961edf2170a8"
    assert qr_svg(LINK).startswith("<svg") and qr_matrix(LINK)[0][:8] == [1, 1, 1, 1, 1, 1, 1, 0]
    with pytest.raises(ValueError, match="too many"):
        qr_matrix("x" * 107)


def test_wrong_codes_are_counted(page, lecturer):
    code = lecturer({"act": "open"})["code"]
    wrong = [call(page, "join", code="WRONG", nickname="Eve")[0] for _ in range(6)]
    assert wrong == [409] * 5 + [429]
    assert call(page, "join", code=code, nickname="Eve")[0] == 429
