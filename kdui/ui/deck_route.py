"""Where a presentation is fetched as one HTML file; made when asked for, and saved, never shown as a page of this server."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from kdui.core.errors import KduiError
from kdui.ui.deck_file import deck_html

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


def deck_route(workbench: "Workbench", plotly: Callable[[], Path]) -> Route:
    """``kdui-decks/NAME.html``; a name may hold anything, so it is the whole rest of the path."""

    def send(request: Any) -> Response:
        name = request.path_params["name"].removesuffix(".html")
        try:
            text = deck_html(workbench, name, plotly())
        except KduiError as error:
            return Response(str(error), status_code=409, media_type="text/plain")
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "presentation"
        offered = f"attachment; filename=\"{plain}.html\"; filename*=UTF-8''{quote(name, safe='')}.html"
        return Response(text, media_type="text/html", headers={"content-disposition": offered})

    return Route("/kdui-decks/{name:path}", send)
