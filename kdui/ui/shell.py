"""The header strip of the page."""

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from kdui.core.page_rows import Overview
from kdui.core.people import OWNER, Person, Role, acting
from kdui.unforeseen import in_words
from kdui.workbench.read_only import GALLERY_WORDS

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

POLL_SECONDS = 2.0

# How every cheap read is bound: at once, by any number of visitors, without a spinner, out of the public API.
READ: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}


def create_header(workbench: "Workbench", demo: gr.Blocks) -> None:
    """Product name, device, queue, switches of language and theme; the queue is asked for every two seconds."""
    header = gr.HTML(
        header_html(_overview(workbench)),
        elem_id="kdui-header",
        js_on_load="kdui.module('header.js').then((module) => module.mount(watch));",
        apply_default_css=False,
    )

    def poll(shown: str) -> Any:
        fresh = header_html(_overview(workbench), acting(), form=not workbench.settings.proxy_header)
        return gr.skip() if fresh == shown else fresh

    timer = gr.Timer(POLL_SECONDS)
    timer.tick(poll, header, header, **READ)
    demo.load(poll, header, header, **READ)


def _overview(workbench: "Workbench") -> Overview | str:
    try:
        return workbench.overview()
    except Exception as problem:  # asked for every two seconds: a message each time would cover the page
        return in_words(problem, workbench.settings.home, telling=False)


def header_html(overview: Overview | str, person: Person = OWNER, form: bool = True) -> str:
    """The header strip; a problem in words where the store gave no answer. ``form``: who signed in by it can sign out again."""
    if isinstance(overview, str):
        chips = f'<span class="chip" role="status"><i class="dot off"></i>{escape(overview)}</span>'
    elif overview.read_only:
        chips = (
            f'<span class="chip" id="chip-device"><i class="dot"></i>{_device(overview.device)}</span>'
            f'<span class="chip" id="chip-queue" title="{escape(GALLERY_WORDS)}">⟲ Read-only<span class="wide">: '
            "recorded runs, nothing can be queued</span></span>"
        )
    else:
        trouble = overview.trouble or ("" if overview.launcher_alive else "Nothing starts new runs at the moment")
        alive = " off" if trouble else ""
        hint = trouble or overview.serving or "Ready"
        busy = overview.running or overview.queued
        queue = f"{overview.running} running · {overview.queued} queued" if busy else "Nothing running"
        if trouble:
            counts = f" · {queue}" if busy else ""
            queue = f'Queue stopped{counts}<span class="wide">: {escape(trouble[:80])}</span>'
        dot = f'<i class="dot{alive}"></i>'
        chips = (
            f'<span class="chip" id="chip-device" title="{escape(hint)}">{dot}{_device(overview.device)}</span>'
            f'<a class="chip btn" id="chip-queue" href="?tab=runs" title="{escape(trouble)}">{queue}</a>'
        )
    face = '<span>◐</span><span class="wide">Auto</span>'
    theme = f'<button class="chip" id="theme-switch" type="button" aria-label="Theme">{face}</button>'
    # One stop of the Tab key, arrow keys within it (ARIA's toolbar): whoever works by keyboard passes here every time.
    language = '<button class="chip" id="language-switch" type="button" tabindex="-1"></button>'
    switches = f'<div class="switches" role="toolbar" aria-label="Language and theme">{language}{theme}</div>'
    chips += _person(person, form)
    return f'<div class="bar" role="banner"><h1 class="brand">kdui</h1><span class="push"></span>{chips}{switches}</div>'


def _person(person: Person, form: bool) -> str:
    """Who is signed in, with the role, which assets/modules/header.js puts on the page; nothing where nobody is asked."""
    if not person.name:
        return ""
    role = person.role or Role.VIEWER
    out = ' <a href="logout">Sign out</a>' if form else ""
    return (
        f'<span class="chip" id="chip-person" data-role="{role}"><b translate="no">{escape(person.name)}</b> · {role}{out}</span>'
    )


def _device(text: str) -> str:
    """Only the first word is shown on a narrow screen."""
    head, _, rest = text.partition(" · ")
    return escape(head) + (f'<span class="wide">· {escape(rest)}</span>' if rest else "")
