"""Files from memory: what is sent, what is compressed, and what is left to the application behind."""

import gzip
import os

import anyio
import pytest

from kdui.ui.kept_files import FOR_A_YEAR, KeptFiles

TEXT = "export const one = 1;\n" * 40


@pytest.fixture
def ask(tmp_path):
    (tmp_path / "one.js").write_text(TEXT)
    (tmp_path / "secret.txt").write_text("no")
    (tmp_path.parent / "outside.js").write_text("no")

    async def behind(scope, receive, send):
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"behind"})

    files = KeptFiles(behind, {"/kept/": tmp_path})

    def get(path, method="GET", **headers):
        told = []

        async def send(message):
            told.append(message)

        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        anyio.run(files, {"type": "http", "method": method, "path": path, "headers": named}, None, send)
        return told[0]["status"], dict(told[0]["headers"]), told[1]["body"]

    get.folder = tmp_path
    return get


def test_a_file_is_sent_whole_and_may_be_kept_for_a_year(ask):
    status, headers, body = ask("/kept/one.js")
    assert (status, body, headers[b"content-length"]) == (200, TEXT.encode(), str(len(TEXT)).encode())
    assert headers[b"cache-control"] == FOR_A_YEAR.encode() and headers[b"content-type"].startswith(b"text/javascript")


def test_who_takes_gzip_gets_it(ask):
    _, headers, body = ask("/kept/one.js", accept_encoding="gzip, deflate, br")
    assert headers[b"content-encoding"] == b"gzip" and gzip.decompress(body) == TEXT.encode() and len(body) < len(TEXT)
    assert b"content-encoding" not in ask("/kept/one.js", accept_encoding="gzip;q=0, br")[1]


@pytest.mark.parametrize(
    "path", ["/kept/../outside.js", "/kept/two.js", "/kept/secret.txt", "/kept/", "/other/one.js", "/kept/a\0.js"]
)
def test_everything_else_is_left_to_the_application(ask, path):
    assert ask(path)[0] == 299


def test_a_changed_file_is_left_to_the_application(ask):
    assert ask("/kept/one.js")[0] == 200
    (ask.folder / "one.js").write_text("export const two = 2;")
    os.utime(ask.folder / "one.js", ns=(1, 1))
    assert ask("/kept/one.js")[0] == 299 and ask("/kept/one.js", "POST")[0] == 299
