"""The whole page: header, tabs, and how it is served. Files of its own only; nothing is fetched from outside."""

import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi.responses import FileResponse, Response
from starlette.routing import Route

from kdui import proxies
from kdui.ui.downloads import download_route
from kdui.ui.edge import guard_handlers, route_error
from kdui.ui.shell import PageState, create_header, create_state
from kdui.ui.theme import create_theme

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SERVED = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

TABS = (("build", "Build"), ("runs", "Runs"), ("explore", "Explore"), ("compare", "Compare"))


def create_page(workbench: Any) -> gr.Blocks:
    """The page over one workbench; it holds no state of its own beyond what the URL says."""
    with gr.Blocks(title="kdui", analytics_enabled=False, fill_width=True) as demo:
        state = create_state(demo, create_header(workbench, demo))
        with gr.Tabs(elem_id="kdui-tabs", overflow_behavior="wrap"):
            for name, title in TABS:
                with gr.Tab(title, id=name, elem_id=f"tab-{name}"):
                    _creator(name)(workbench, state)
        demo.load(fn=None, js="() => { kdui.start(); }")
    guard_handlers(demo, workbench.settings.home)
    return demo


def _creator(name: str) -> Callable[[Any, PageState], None]:
    """``create_NAME`` of ``kdui/ui/NAME.py``."""
    return getattr(importlib.import_module(f"kdui.ui.{name}"), f"create_{name}")


@proxies.aside()  # Gradio asks its own address whether it answers
def launch(
    workbench: Any,
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    auth: tuple[str, str] | None = None,
    block: bool = True,
    quiet: bool = True,
) -> gr.Blocks:
    """Serve the page; with ``block=False`` it returns once the server answers."""
    demo = create_page(workbench)
    demo.launch(
        server_name=host,
        server_port=port,
        auth=auth,
        prevent_thread_lock=not block,
        quiet=quiet,
        inbrowser=False,
        share=False,
        theme=create_theme(),
        head=head(),
        favicon_path=str(ASSETS / "favicon.svg"),
        footer_links=[],
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        max_file_size="16mb",
        app_kwargs={
            "routes": [Route("/kdui-assets/{name}", serve_asset), download_route(workbench)],
            "exception_handlers": {Exception: route_error(workbench.settings.home)},
        },
    )
    return demo


def head() -> str:
    """Stylesheet and shell script in the page itself, so that neither flickers nor comes late; charts load on demand.

    Not Gradio's ``css``: that rewrites every selector and breaks ``:root`` and ``body``.
    """
    style = (ASSETS / "theme.css").read_text(encoding="utf-8")
    script = (ASSETS / "shell.js").read_text(encoding="utf-8")
    return (
        f'<style id="kdui-style">{style}</style>'
        f'<script>window.kdui = {{version: "{assets_version()}"}};</script><script>{script}</script>'
    )


@cache
def plotly_script() -> Path:
    """plotly.min.js inside the installed package, found without importing plotly."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The package plotly is not installed. Run 'pip install -r requirements.txt'.")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


def assets_version() -> str:
    """Changes when a served file does, so browsers may keep files for a year."""
    newest = max(path.stat().st_mtime_ns for path in (*ASSETS.glob("*.*"), plotly_script()))
    return f"{newest:x}"


def serve_asset(request: Any) -> Response:
    """One file of assets/ by its plain name, or plotly.min.js."""
    name = request.path_params["name"]
    path = plotly_script() if name == "plotly.min.js" else ASSETS / name
    if path.suffix not in SERVED or path.parent not in (ASSETS, plotly_script().parent) or not path.is_file():
        return Response("There is no such file.", status_code=404)
    kept = "public, max-age=31536000, immutable" if "v" in request.query_params else "no-cache"
    return FileResponse(path, media_type=SERVED[path.suffix], headers={"Cache-Control": kept})
