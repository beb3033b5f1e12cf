"""What participants of a class reach: one small page and its calls. The class's code opens it, and it opens nothing else.

The page is ``/join/CODE``, its calls ``/kdui-class/CALL``: JSON objects that hold the secret which the browser was given when it
joined. All of it stands behind the same guard as every other route.
"""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import orjson
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from kdui.catalogue.browser_runtime import ENTRY, VERSION
from kdui.core.bounds import fault
from kdui.core.errors import KduiError
from kdui.core.places import ASSETS
from kdui.ui.calls import Asked, MalformedCall, json_object, number, whole
from kdui.ui.sign_in import WrongPasswords
from kdui.workbench.classroom.board import BITS, STUDENTS, Knobs
from kdui.workbench.classroom.participants import LONGEST_NICKNAME, TooOften
from kdui.workbench.classroom.room import Room

if TYPE_CHECKING:
    from starlette.requests import Request

PAGE, CALLS = "/join/", "/kdui-class/"
LONGEST_BODY = 4_000  # bytes: a nickname, a code and a few numbers
PAGE_RULES = "/* --- page"  # where theme.css's variables end
THEME = 'document.body.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);'
# Beside the guard's policy, and stricter: no script but the page's own, and WebAssembly, which runs the student here.
POLICY = (
    f"default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'sha256-{b64encode(sha256(THEME.encode()).digest()).decode()}'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
NOT_KEPT = {"Cache-Control": "no-store"}


class ClassCalls:
    """The calls by their names; each takes what was sent and answers with an object."""

    def __init__(self, room: Room):
        self.room = room

    def join(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self.room.join(str(asked["code"]), str(asked["nickname"]), str(asked.get("token") or ""))

    def look(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self.room.look(str(asked["token"]))

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.room.answer(str(asked["token"]), str(asked["lesson"]), whole(asked, "choice", -1))
        return self.look(asked)

    def timed(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.room.timed(str(asked["token"]), number(asked, "ms"), str(asked["label"]))
        return self.look(asked)

    def wish(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.room.wish(str(asked["token"]), Knobs.model_validate(asked["knobs"]))
        return self.look(asked)

    def withdraw(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.room.withdraw(str(asked["token"]), whole(asked, "number", -1))
        return self.look(asked)


OFFERED = ("join", "look", "answer", "wish", "withdraw", "timed")
MODEL = "model"  # answered with the bytes of a file


def class_routes(room: Room, version: Callable[[], str]) -> list[Route]:
    """``version``: of the assets, so that a phone keeps them."""
    calls, wrong = ClassCalls(room), WrongPasswords(time.monotonic)

    def page(request: "Request") -> Response:
        return HTMLResponse(join_page(version()), headers={**NOT_KEPT, "Content-Security-Policy": POLICY})

    async def call(request: "Request") -> Response:
        name = request.path_params["call"]
        address = request.client.host if request.client else "unknown"
        if name not in (*OFFERED, MODEL):
            return _answer({"error": "There is no such call."}, 404)
        if name == "join" and (wait := wrong.wait(address)):
            return _answer({"error": f"Too many wrong codes. Try again in {wait} s."}, 429)
        try:
            body = await request.body()
            if len(body) > LONGEST_BODY:
                raise MalformedCall("That is more than any form of this page holds.")
            asked = Asked(json_object(body))
            if name == "join" and not room.is_code(str(asked["code"])):
                wrong.note(address)
            if name == MODEL:
                model = await anyio.to_thread.run_sync(room.model, str(asked["token"]))
                return Response(model, media_type="application/octet-stream", headers=NOT_KEPT)
            return _answer(await anyio.to_thread.run_sync(getattr(calls, name), asked))
        except (MalformedCall, ValidationError) as error:
            words = str(error) if isinstance(error, MalformedCall) else f"{fault(None, error.errors()[0])}."
            return _answer({"error": words}, 422)
        except KduiError as error:
            return _answer({"error": str(error)}, 429 if isinstance(error, TooOften) else 409)

    return [Route(PAGE + "{code}", page), Route(CALLS + "{call}", call, methods=["POST"])]


def _answer(content: Mapping[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json", headers=NOT_KEPT)


@cache
def join_page(version: str) -> str:
    """The whole page: its style inside, and its modules, which import nothing else of the page."""
    base = f"../kdui-assets/modules/{version}/"
    theme, pictures, own = ((ASSETS / f"{name}.css").read_text(encoding="utf-8") for name in ("theme", "classroom", "join"))
    style = theme.partition(PAGE_RULES)[0] + pictures + own
    bits = {str(bits): words for bits, words in BITS.items()}
    facts = json.dumps({"students": STUDENTS, "bits": bits, "runtime": f"../kdui-runtime/{VERSION}/", "entry": ENTRY})
    names = ("join", "html", "language", "class_pictures", "lessons/picture")
    early = "".join(f'<link rel="modulepreload" href="{base}{name}.js">' for name in names)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Join the class · kdui</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="../favicon.ico"><style>{style}</style>{early}</head>
<body><script>{THEME}</script>
<header><h1>kdui</h1><span id="who"></span></header>
<main id="join-page" data-nickname-length="{LONGEST_NICKNAME}" aria-live="polite"><p>Loading …</p></main>
<p id="join-problem" role="alert"></p>
<script type="application/json" id="join-facts">{facts}</script>
<script type="module" src="{base}join.js"></script>
<noscript>This page needs JavaScript.</noscript></body></html>"""
