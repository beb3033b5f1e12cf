"""Where a presentation is fetched as one file, HTML or PowerPoint; made when asked for, and saved, never shown as a page here."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from kdui.catalogue.lessons import known_language
from kdui.core.errors import KduiError
from kdui.ui.deck_file import deck_html

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def deck_route(workbench: "Workbench", plotly: Callable[[], Path]) -> Route:
    """``kdui-decks/NAME.html`` or ``.pptx``; a name may hold anything, so it is the whole rest of the path.

    ``?lang=`` names the language of the file, English without it.
    """

    def send(request: Any) -> Response:
        name, _, ending = request.path_params["name"].rpartition(".")
        language = known_language(request.query_params.get("lang"))
        try:
            if ending == "pptx":
                from kdui.ui.powerpoint.deck import deck_pptx  # here: most visits never need the library

                made, kind = deck_pptx(workbench, name, language), PPTX
            else:
                made = deck_html(workbench, name, plotly(), language).encode()
                ending, kind = "html", "text/html; charset=utf-8"
        except KduiError as error:
            return Response(str(error), status_code=409, media_type="text/plain")
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "presentation"
        offered = f"attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{quote(name, safe='')}.{ending}"
        return Response(made, media_type=kind, headers={"content-disposition": offered})

    return Route("/kdui-decks/{name:path}", send)
