"""The whole page: header, tabs, and how it is served. Files of its own only; nothing is fetched from outside."""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import gradio.routes
from fastapi.responses import FileResponse, Response
from starlette.routing import Route

from kdui import proxies
from kdui.ui.calls import EventCalls, server_call_routes
from kdui.ui.downloads import download_route
from kdui.ui.edge import guard_handlers, route_error
from kdui.ui.guard import Guard, Receive, Scope, Send
from kdui.ui.shell import PageState, create_header, create_state
from kdui.ui.sign_in import SignIn
from kdui.ui.theme import create_theme

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SERVED = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

FOR_A_YEAR = "public, max-age=31536000, immutable"

SESSIONS = 200  # whose state is kept; each takes 0.9 MB, and a page that was closed says nothing
SIGN_IN = "After five wrong passwords within a minute this address has to wait."

TABS = (("build", "Build"), ("runs", "Runs"), ("explore", "Explore"), ("compare", "Compare"))


def create_page(workbench: "Workbench") -> gr.Blocks:
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
    workbench: "Workbench",
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    auth: tuple[str, str] | None = None,
    hosts: Sequence[str] = (),
    block: bool = True,
    quiet: bool = True,
) -> gr.Blocks:
    """Serve the page; with ``block=False`` it returns once the server answers. ``hosts``: its names beside loopback's."""
    workbench.keep_to_own_files()
    demo = create_page(workbench)
    routes = [
        Route("/kdui-assets/{name}", serve_asset),
        Route("/kdui-assets/modules/{version}/{name}", serve_module),
        download_route(workbench),
        *server_call_routes(),
    ]
    errors = {Exception: route_error(workbench.settings.home)}
    demo.launch(
        server_name=f"[{host}]" if ":" in host else host,  # an IPv6 address, as Gradio wants it in an URL
        server_port=port,
        auth=auth,
        auth_message=SIGN_IN,
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
        state_session_capacity=SESSIONS,
        run_history=False,
        mcp_server=False,
        num_workers=0,
        pwa=False,
        _app=GuardedApp(hosts, routes=routes, openapi_url=None, exception_handlers=errors),
    )
    return demo


class GuardedApp(gradio.routes.App):
    """Gradio's application behind the guard and the password: outside of everything that Gradio puts around its routes."""

    def __init__(self, hosts: Sequence[str], **values: Any):
        super().__init__(**values)
        self._guarded = Guard(SignIn(EventCalls(super().__call__, self), self), hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guarded(scope, receive, send)


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
    newest = max(path.stat().st_mtime_ns for path in (*ASSETS.rglob("*.*"), plotly_script()))
    return f"{newest:x}"


def serve_asset(request: Any) -> Response:
    """One file of assets/ by its plain name, or plotly.min.js."""
    name = request.path_params["name"]
    path = plotly_script() if name == "plotly.min.js" else ASSETS / name
    if path.suffix not in SERVED or path.parent not in (ASSETS, plotly_script().parent) or not path.is_file():
        return Response("There is no such file.", status_code=404)
    return _file(path, FOR_A_YEAR if "v" in request.query_params else "no-cache")


def serve_module(request: Any) -> Response:
    """One module of assets/modules/. Its address holds the version, so that what it imports, by plain names, has it too."""
    path = ASSETS / "modules" / request.path_params["name"]
    if path.suffix != ".js" or path.parent != ASSETS / "modules" or not path.is_file():
        return Response("There is no such file.", status_code=404)
    return _file(path, FOR_A_YEAR if request.path_params["version"] == assets_version() else "no-cache")


def _file(path: Path, kept: str) -> Response:
    return FileResponse(path, media_type=SERVED[path.suffix], headers={"Cache-Control": kept})
