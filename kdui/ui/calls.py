"""What the page's scripts and forms send: looked over before Gradio sees it, so that what is malformed is told in words.

Gradio answers a wrong number with a traceback, and keeps a session for whoever calls a server function.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import anyio
import orjson
from fastapi.encoders import jsonable_encoder
from starlette.responses import Response
from starlette.routing import Route

from kdui.ui.guard import Application, Message, Receive, Refusal, Scope, Send, refuse

SERVER_CALL = "/gradio_api/component_server"
EVENTS = ("/gradio_api/run/", "/gradio_api/queue/join")
LONGEST_TEXT = 1_000_000  # characters of one text; a pasted recipe has a few thousand
FILES = ("picture", "sound")  # the texts that may be as long as a body
MOST_VALUES = 2_000_000  # an image of 1,024 × 1,024 levels, and more
DEEPEST = 12


class MalformedCall(Exception):
    """A call that no script of the page sends, in words."""


class Asked(dict[str, Any]):
    """What a server function was asked: a value that is missing or of another kind ends the call in words."""

    def __missing__(self, key: str) -> Any:
        raise MalformedCall(f"This call needs '{key[:60]}'.")


def whole(payload: Mapping[str, Any], key: str, otherwise: int = 0) -> int:
    """A whole number of a call, ``otherwise`` where it is left out; raises MalformedCall for anything else."""
    value = payload.get(key)
    if value is None or value == "":
        return otherwise
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 2**53:  # JavaScript's largest
        return int(value)
    raise MalformedCall(f"'{key}' must be a whole number.")


def number(payload: Mapping[str, Any], key: str) -> float:
    """A finite number of a call; raises MalformedCall for anything else."""
    value = payload[key]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise MalformedCall(f"'{key}' must be a number.")


def look_over(value: Any) -> None:
    """Raises MalformedCall where a text, the number of values or their nesting is beyond all that the page sends."""
    rest: list[tuple[Any, str, int]] = [(value, "", 0)]
    seen = 0
    while rest:
        item, key, depth = rest.pop()
        seen += 1
        if isinstance(item, str) and len(item) > LONGEST_TEXT and key not in FILES:
            raise MalformedCall(f"A text may have at most {LONGEST_TEXT:,} characters.")
        if not isinstance(item, (dict, list)):
            continue
        if depth > DEEPEST or seen + len(item) > MOST_VALUES:
            raise MalformedCall("That is more than any form of the page holds.")
        pairs = item.items() if isinstance(item, dict) else (("", inner) for inner in item)
        rest.extend((inner, name, depth + 1) for name, inner in pairs)


def server_call_routes() -> list[Route]:
    """To stand before Gradio's own route of that path."""
    return [Route(path, call_server_function, methods=["POST"]) for path in (SERVER_CALL, SERVER_CALL + "/")]


async def call_server_function(request: Any) -> Response:
    """Run the server function that a component of the page offers, in a thread, with the one mapping that was sent."""
    try:
        payload = json_object(await request.body())
        data = payload.get("data") or {}
        if not isinstance(data, dict):
            raise MalformedCall("Send an object with component_id, fn_name and data, where data is an object too.")
        blocks = request.app.get_blocks()
        offered = _offered(blocks, payload.get("component_id"), payload.get("fn_name"))
        if offered is None:
            return _json({"error": "No such function is offered by that component."}, 404)
        return _json(await anyio.to_thread.run_sync(offered, Asked(data), limiter=blocks.limiter))
    except MalformedCall as error:
        return _json({"error": str(error)}, 422)


class EventCalls:
    """An application whose events have a number that the page knows, and as many values as that event takes."""

    def __init__(self, application: Application, page: Any):
        self.application, self.page = application, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(EVENTS):
            await self.application(scope, receive, send)
            return
        body = await _body(receive)
        try:
            self._check(json_object(body))
        except MalformedCall as error:
            await refuse(scope, send, Refusal(422, str(error)))
            return
        waiting = [_message(body)]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.application(scope, replay, send)

    def _check(self, payload: dict[str, Any]) -> None:
        event = self.page.get_blocks().fns.get(payload.get("fn_index")) if type(payload.get("fn_index")) is int else None
        if event is None:
            raise MalformedCall("There is no event of that number: give fn_index as the page's configuration names it.")
        data = payload.get("data")
        if not isinstance(data, list) or len(data) != len(event.inputs):
            raise MalformedCall(f"This event takes {len(event.inputs)} values as a list in 'data'.")


def _message(body: bytes) -> Message:
    return {"type": "http.request", "body": body, "more_body": False}


async def _body(receive: Receive) -> bytes:
    """All of it: the guard has looked at its length."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def json_object(body: bytes) -> dict[str, Any]:
    """The one object that a body holds; raises MalformedCall for anything else."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedCall("The body is no JSON that can be read.") from None
    if not isinstance(payload, dict):
        raise MalformedCall("Send one JSON object.")
    look_over(payload)
    return payload


def _offered(blocks: Any, component: Any, name: Any) -> Any:
    """The function of that name, only if the component offers it; an id that is none leads nowhere."""
    block = blocks.blocks.get(component) if type(component) is int else None
    functions = {function.__name__: function for function in getattr(block, "server_fns", ())}
    return functions.get(name) if isinstance(name, str) else None


def _json(content: Any, status: int = 200) -> Response:
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    body = orjson.dumps(content, default=jsonable_encoder, option=options)
    return Response(body, status_code=status, media_type="application/json")
