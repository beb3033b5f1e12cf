"""Where a participant's browser fetches ONNX Runtime: the three files of its folder and nothing else, compressed on their way."""

import gzip
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from kdui.catalogue.browser_runtime import FILES, VERSION, installed
from kdui.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request

KINDS = {".mjs": "text/javascript", ".wasm": "application/wasm"}
LEVEL = 6  # 3.7 of 14 MB, half a second once
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}  # its address holds the version


def runtime_route(settings: Settings) -> Route:
    """``kdui-runtime/VERSION/FILE``; not found where it was never installed."""

    def send(request: "Request") -> Response:
        name, folder = request.path_params["name"], installed(settings)
        if folder is None or name not in FILES or request.path_params["version"] != VERSION:
            return Response("There is no such file.", status_code=404)
        path = folder / name
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=KEPT)
        headers = {**KEPT, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(_compressed(path), media_type=KINDS[path.suffix], headers=headers)

    return Route("/kdui-runtime/{version}/{name}", send)


@lru_cache(maxsize=len(FILES))
def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), LEVEL)
