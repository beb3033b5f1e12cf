"""Downloads: every measured model of a run as a file that carries its claims."""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from kdui.catalogue.methods import METHODS
from kdui.core.errors import KduiError
from kdui.core.method import Place
from kdui.core.page_rows import ModelResult, Package
from kdui.core.run import Run
from kdui.delivery.packages import ENDINGS

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

PREFIX = "kdui-download-"  # of the folder that a file is written in; the number of its process follows
KINDS = {".onnx": "ONNX", ".kdz": "packed"}


def remove_left_over() -> None:
    """Delete the files of downloads that a server which was killed has left behind; those of servers that live stay."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)  # another person's cannot be removed, and is not ours to remove


def downloads_html(run: Run, results: Sequence[ModelResult], packages: Sequence[Package] = ()) -> str:
    """A link for each measured model, for its packed form where there is one, and for each file of another program."""
    packed = {step.name for step in run.steps if step.method in METHODS and METHODS[step.method].order is Place.PACKED}
    links = []
    for result in results:
        model = result.step.partition(".")[2]
        for ending, title in KINDS.items():
            if ending == ".kdz" and model not in packed:
                continue
            links.append(_link(run, model + ending, f"{result.label} · {title}"))
    links += [_link(run, package.step + Path(package.file).suffix, package.label) for package in packages]
    if not links:
        return ""
    told = "".join(f'<p class="lead">{escape(package.label)}: {escape(package.words)}</p>' for package in packages)
    return (
        f'<h2 class="label">Download</h2><div class="buttons" id="run-downloads">{"".join(links)}</div>{told}'
        '<p class="lead">Each file contains its measurements; <code>python app.py verify FILE</code> repeats those of an ONNX or '
        ".kdz file.</p>"
    )


def _link(run: Run, name: str, title: str) -> str:
    address = "/".join(("kdui-models", quote(run.id), quote(name, safe="")))
    return f'<a class="btn act small" href="{escape(address)}" download>{escape(title)}</a>'


def download_route(workbench: "Workbench") -> Route:
    """Where those links lead; the file is written when it is asked for and removed once it is sent."""

    def send(request: Any) -> Response:
        model, _, ending = request.path_params["name"].rpartition(".")  # a stage's name may hold points and slashes
        if f".{ending}" not in (*KINDS, *ENDINGS):
            return Response("There is no such file.", status_code=404)
        place = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-")
        try:
            delivered = workbench.deliver(request.path_params["run"], model, Path(place.name) / f"model.{ending}")
            if delivered.beside:
                raise KduiError(
                    f"This model is so large that its weights stand in a file of their own. Write both with 'python app.py "
                    f"deliver {request.path_params['run']} {model} --out model.onnx'."
                )
        except KduiError as error:
            place.cleanup()
            return Response(str(error), status_code=409, media_type="text/plain")
        filename = f"{request.path_params['run']}-{re.sub(r'[^A-Za-z0-9._-]+', '-', model)}.{ending}"
        return FileResponse(
            delivered.path, media_type="application/octet-stream", filename=filename, background=BackgroundTask(place.cleanup)
        )

    return Route("/kdui-models/{run}/{name:path}", send)
