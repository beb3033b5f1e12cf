"""The route behind ``server.CALL({...})`` of the page's scripts: Gradio's own, but what is malformed is told in words.

Gradio's route keeps a session of 0.9 MB for whoever asks, and answers a wrong id with a traceback.
"""

import json
from typing import Any

import anyio
import orjson
from fastapi.encoders import jsonable_encoder
from starlette.responses import Response
from starlette.routing import Route

PATH = "/gradio_api/component_server"


def server_call_routes() -> list[Route]:
    """To stand before Gradio's own route of that path."""
    return [Route(path, call_server_function, methods=["POST"]) for path in (PATH, PATH + "/")]


async def call_server_function(request: Any) -> Response:
    """Run the server function that a component of the page offers, in a thread, with the one mapping that was sent."""
    try:
        asked = json.loads(await request.body())
    except (ValueError, RecursionError):
        return _malformed("The body is no JSON that can be read.")
    if not isinstance(asked, dict) or not isinstance(asked.get("data") or {}, dict):
        return _malformed("Send an object with component_id, fn_name and data, where data is an object too.")
    blocks = request.app.get_blocks()
    offered = _offered(blocks, asked.get("component_id"), asked.get("fn_name"))
    if offered is None:
        return _malformed("No such function is offered by that component.", 404)
    answer = await anyio.to_thread.run_sync(offered, asked.get("data") or {}, limiter=blocks.limiter)
    return _json(answer)


def _offered(blocks: Any, component: Any, name: Any) -> Any:
    """The function of that name, only if the component offers it; an id that is none leads nowhere."""
    block = blocks.blocks.get(component) if type(component) is int else None
    found = {function.__name__: function for function in getattr(block, "server_fns", ())}
    return found.get(name) if isinstance(name, str) else None


def _malformed(words: str, status: int = 422) -> Response:
    return _json({"error": words}, status)


def _json(content: Any, status: int = 200) -> Response:
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    body = orjson.dumps(content, default=jsonable_encoder, option=options)
    return Response(body, status_code=status, media_type="application/json")
