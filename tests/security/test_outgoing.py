"""Where the server itself connects to: never to an address that a visitor wrote. A listener beside it must hear nothing."""

import socket
import threading

import pytest

from kdui.core.errors import KduiError
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench

NAMES = (
    "hub:http://{there}/model",
    "hub:{there}/model",
    "hub:owner/name@{there}",
    "hub:owner/../../{there}",
    "hub://{there}",
    "api:http://{there}/v1?model=x",
    "api:{there}?model=x",
    "api:known@{there}?model=x",
    "onnx:http://{there}/model.onnx",
    "folder:http://{there}/model",
    "csv:http://{there}/answers.csv",
    "csv://{there}/answers.csv",
)
DATA = (
    "own-texts:http://{there}/t.csv",
    "own-texts:hub:http://{there}/x",
    "own-pictures:ftp://{there}/x.zip",
    "http://{there}/x.csv",
)


@pytest.fixture
def listener(monkeypatch):
    """An address that notes who connects to it; the environment names no proxy that could do it instead."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                heard.append(connection.recv(200))
                connection.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@pytest.fixture
def bench(tmp_path):
    bench = Workbench(Settings(home=tmp_path / "home", quickstart=False, api_servers="known=http://127.0.0.1:1/v1"))
    bench.keep_to_own_files()
    yield bench
    bench.close()


def test_a_model_s_name_never_leads_to_an_address_that_it_spells(bench, listener):
    there, heard = listener
    recipe = bench.recipe("quickstart")
    for name in NAMES:
        with pytest.raises(KduiError):
            bench.check(recipe.with_values({"teacher": name.format(there=there)}))
        with pytest.raises(KduiError):
            bench.card("digits", name.format(there=there), "teacher")
    assert heard == []


def test_neither_does_the_name_of_data(bench, listener):
    there, heard = listener
    for name in DATA:
        with pytest.raises(KduiError):
            bench.own_data.preview(bench.own_data.name(name.format(there=there)))
    assert heard == []


def test_a_redirect_of_the_webhook_is_not_followed(tmp_path, listener):
    """Whom the owner chose is asked, and nobody whom that one names."""
    from kdui.workbench.webhook import webhook_of

    there, heard = listener
    with socket.create_server(("127.0.0.1", 0)) as server:

        def redirect():
            connection, _ = server.accept()
            connection.recv(65_536)
            connection.sendall(f"HTTP/1.1 307 Away\r\nLocation: http://{there}/\r\nContent-Length: 0\r\n\r\n".encode())
            connection.close()

        thread = threading.Thread(target=redirect, daemon=True)
        thread.start()
        bench = Workbench(Settings(home=tmp_path / "home", webhook=f"http://127.0.0.1:{server.getsockname()[1]}/secret"))
        webhook = webhook_of(bench)
        assert webhook is not None
        with pytest.raises(OSError, match="307"):
            webhook._send({"text": "x"})
        thread.join(10)
    assert heard == []
