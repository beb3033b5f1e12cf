"""The whole page: header, tabs, and how it is served. Files of its own only; nothing is fetched from outside."""

import importlib
import importlib.util
import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import gradio.routes
from fastapi.responses import FileResponse, Response
from starlette.routing import Route

from kdui import proxies
from kdui.catalogue.languages import catalogue
from kdui.catalogue.lessons import glossary, known_language
from kdui.core.places import ASSETS
from kdui.ui.api_endpoints import create_endpoints
from kdui.ui.browser_runtime_route import runtime_route
from kdui.ui.calls import EventCalls, server_call_routes
from kdui.ui.class_routes import class_routes
from kdui.ui.classroom import HERE, Bound, create_classroom
from kdui.ui.deck_route import deck_route
from kdui.ui.downloads import download_route
from kdui.ui.edge import guard_handlers, route_error
from kdui.ui.guard import Guard, Receive, Scope, Send
from kdui.ui.health import Answers, Timed, health_routes
from kdui.ui.kept_files import FOR_A_YEAR, KeptFiles
from kdui.ui.page_template import leave_out_manifest
from kdui.ui.pin import create_pin
from kdui.ui.sessions import Sessions
from kdui.ui.shell import create_header
from kdui.ui.sign_in import SignIn
from kdui.ui.streams import stream_route
from kdui.ui.theme import create_theme
from kdui.ui.visitors import Visitors
from kdui.ui.walk import create_walk
from kdui.workbench.classroom.browser_students import BrowserStudents
from kdui.workbench.classroom.room import Room
from kdui.workbench.classroom.store_runner import StoreRunner
from kdui.workbench.read_only import ReadOnlyWorkbench

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MODULES = ASSETS / "modules"
FIRST = ("shell.js", "header.js", "build.js")  # which import the others that are needed first
IMPORTED = re.compile(r'^(?:import|export|\}).*? from "\./([\w]+\.js)";', re.MULTILINE)
LATER = ' fetchpriority="low"'
GRADIO_ASSETS = Path(gradio.routes.BUILD_PATH_LIB)  # their names hold a digest

LOOK_SECONDS = 0.1  # between two looks at Gradio's queue, which nothing of the page uses
SESSIONS = 200  # whose state is kept: a page that was closed says nothing
SIGN_IN = "After five wrong passwords within a minute this address has to wait."

TABS = (
    ("home", "Home"),
    ("build", "Build"),
    ("runs", "Runs"),
    ("explore", "Explore"),
    ("compare", "Compare"),
    ("learn", "Learn"),
    ("present", "Present"),
)


def create_page(workbench: "Workbench", room: Room | None = None, bound: Bound = HERE) -> gr.Blocks:
    """The page over one workbench; it holds no state of its own beyond what the URL says, and the class in ``room``."""
    with gr.Blocks(title="kdui", analytics_enabled=False, fill_width=True) as demo:
        create_header(workbench, demo)
        with gr.Tabs(elem_id="kdui-tabs", overflow_behavior="wrap"):
            for name, title in TABS:
                with gr.Tab(title, id=name, elem_id=f"tab-{name}"):
                    _creator(name)(workbench)
        create_pin(workbench)
        create_classroom(room or create_room(workbench), bound)
        create_walk(workbench)
        create_endpoints(workbench)
        demo.load(fn=None, js="() => kdui.module('navigation.js').then((module) => module.start())")
    guard_handlers(demo, workbench.settings.home)
    # Gradio looks a thousand times a second, for as long as the page is up: a fifteenth of a core that a training would have.
    demo._queue.sleep_when_free = demo._queue.progress_update_sleep_when_free = LOOK_SECONDS
    return demo


def create_room(workbench: "Workbench") -> Room:
    """The class of this server, which nobody has opened yet."""
    return Room(StoreRunner(workbench), BrowserStudents(workbench))


def _creator(name: str) -> Callable[["Workbench"], None]:
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
    answers: Answers | None = None,
) -> gr.Blocks:
    """Serve the page; with ``block=False`` it returns once the server answers.

    ``hosts``: its names beside loopback's. ``answers``: where it is counted what the page answers.
    """
    workbench.keep_to_own_files()
    leave_out_manifest()
    room = create_room(workbench)
    if isinstance(workbench, ReadOnlyWorkbench):
        workbench.close_room(room)
    visitors = Visitors(workbench, auth)
    demo = create_page(workbench, room, Bound(host, port))
    answers = answers or Answers()
    errors = {Exception: route_error(workbench.settings.home)}
    with visitors.addresses_as_connected():
        demo.launch(
            server_name=f"[{host}]" if ":" in host else host,  # an IPv6 address, as Gradio wants it in an URL
            server_port=port,
            auth=visitors.verified if visitors.has_form else None,
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
            root_path=workbench.settings.root_path,
            num_workers=0,
            pwa=False,
            _app=GuardedApp(
                hosts, visitors, answers, routes=_routes(workbench, room, answers), openapi_url=None, exception_handlers=errors
            ),
        )
    return demo


def _routes(workbench: "Workbench", room: Room, answers: Answers) -> list[Any]:
    """What is served beside Gradio's own: assets, downloads, streams, the class's pages, health and metrics."""
    return [
        Route("/kdui-assets/plotly.min.js", serve_plotly),
        Route("/kdui-assets/modules/{version}/languages/{name}.json", serve_catalogue),
        Route("/kdui-assets/modules/{version}/glossaries/{name}.json", serve_glossary),
        Route("/kdui-assets/modules/{version}/{name:path}", serve_module),
        download_route(workbench),
        deck_route(workbench, plotly_script),
        stream_route(workbench),
        *class_routes(room, assets_version),
        runtime_route(workbench.settings),
        *health_routes(workbench, answers),
        *server_call_routes(),
    ]


class GuardedApp(gradio.routes.App):
    """Gradio's application behind the guard and the password: outside of everything that Gradio puts around its routes."""

    def __init__(self, hosts: Sequence[str], visitors: Visitors, answers: Answers, **values: Any):
        super().__init__(**values)
        self.state_holder = Sessions()
        kept = KeptFiles(super().__call__, {f"/{module_base()}": MODULES, "/assets/": GRADIO_ASSETS})
        self._guarded = Guard(SignIn(Timed(EventCalls(kept, self), answers), self, visitors), hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guarded(scope, receive, send)


def head() -> str:
    """Stylesheet in the page itself, so that it comes before the first paint, and the modules, fetched side by side at once.

    ``window.kdui.module(NAME)`` is the page's one global name: how the events of Gradio's components reach a module. A chosen
    theme is there before its module, so that no frame is painted in the other one.

    Not Gradio's ``css``: that rewrites every selector and breaks ``:root`` and ``body``.
    """
    style = "".join((ASSETS / name).read_text(encoding="utf-8") for name in ("theme.css", "roles.css"))
    base = module_base()
    early = "".join(
        f'<link rel="modulepreload" href="{base}{name}"{"" if first else LATER}>' for name, first in modules_in_order().items()
    )
    entry = f'window.kdui = {{ module: (name) => import(new URL("{base}" + name, document.baseURI)) }};'
    chosen = 'const chosen = localStorage.getItem("kdui-theme");'
    theme = f'{{ {chosen} if (chosen in {{ light: 1, dark: 1 }}) document.body?.classList.toggle("dark", chosen === "dark"); }}'
    start = f'<script>{entry} {theme}</script><script type="module">kdui.module("shell.js");</script>'
    return f'<style id="kdui-style">{style}</style>{early}{start}'


def module_base() -> str:
    """Where the page's modules are served, relative to the page: a new address when one of them changes."""
    return f"kdui-assets/modules/{assets_version()}/"


def modules_in_order() -> dict[str, bool]:
    """Every module's file name, and whether the page needs it before anything can be pressed; those come first.

    A browser holds six connections over HTTP/1.1: what is not marked stands in the way of Gradio's own scripts.
    """
    first, left = dict.fromkeys(FIRST, True), list(FIRST)
    while left:
        for name in IMPORTED.findall((MODULES / left.pop()).read_text(encoding="utf-8")):
            if name not in first:
                first[name] = True
                left.append(name)
    return first | {path.name: False for path in sorted(MODULES.glob("*.js")) if path.name not in first}


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


def serve_plotly(request: Any) -> Response:
    """The charting library, which a browser may keep when it asked for a version."""
    return _script(plotly_script(), kept="v" in request.query_params)


def serve_module(request: Any) -> Response:
    """One module of assets/modules/. Its address holds the version, so that what it imports, by plain names, has it too."""
    path = (MODULES / request.path_params["name"]).resolve()
    if path.suffix != ".js" or not path.is_relative_to(MODULES) or not path.is_file():
        return Response("There is no such file.", status_code=404)
    return _script(path, kept=request.path_params["version"] == assets_version())


def serve_catalogue(request: Any) -> Response:
    """The page's texts in one language by their English words, for the browser that wants them."""
    messages = catalogue(request.path_params["name"])
    if not messages:
        return Response("There is no such language.", status_code=404)
    return _json(request, messages)


def serve_glossary(request: Any) -> Response:
    """The glossary's terms in one language, for the marks outside of lessons."""
    return _json(request, [term.model_dump() for term in glossary(known_language(request.path_params["name"])).values()])


def _json(request: Any, data: Any) -> Response:
    kept = FOR_A_YEAR if request.path_params["version"] == assets_version() else "no-cache"
    return Response(json.dumps(data, ensure_ascii=False), media_type="application/json", headers={"Cache-Control": kept})


def _script(path: Path, *, kept: bool) -> Response:
    headers = {"Cache-Control": FOR_A_YEAR if kept else "no-cache"}
    return FileResponse(path, media_type="text/javascript", headers=headers)
