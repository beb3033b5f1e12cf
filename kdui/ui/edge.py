"""The page's outer edge: who calls must be allowed to, and whatever a call or a route raises reaches them as one sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.responses import PlainTextResponse, Response

from kdui.core.errors import KduiError
from kdui.core.people import NOBODY, Person, acting, acting_as
from kdui.ui import rights
from kdui.ui.calls import MalformedCall
from kdui.ui.sign_in import PERSON
from kdui.unforeseen import in_words


def guard_handlers(demo: gr.Blocks, home: Path) -> None:
    """Wrap every handler and server function of a finished page; called once, so that none can be left out."""
    for handler in demo.fns.values():
        if handler.fn is not None:
            handler.fn = _handling(handler.fn, home)
    for block in demo.blocks.values():
        functions: list[Any] = getattr(block, "server_fns", [])
        for place, call in enumerate(functions):
            name = getattr(call, "__name__", "")
            if name in vars(block):  # a panel's own; what a Gradio component brings is a method of its class
                functions[place] = _answering(call, home)  # the mark of a server function goes with it
                setattr(block, name, functions[place])


def _handling(call: Callable[..., Any], home: Path) -> Callable[..., Any]:
    """An event's handler: the sentence is shown as a message, and the fields stay as they are."""

    @contextmanager
    def in_a_sentence() -> Iterator[None]:
        try:
            with acting_as(_asking()):
                rights.check(call.__name__)
                yield
        except gr.Error:
            raise
        except Exception as error:
            title = "This can't be done" if isinstance(error, KduiError) else "Something went wrong"
            raise gr.Error(escape(in_words(error, home, telling=False)), title=title, print_exception=False) from None

    @wraps(call)
    def handle(*given: Any, **named: Any) -> Any:
        with in_a_sentence():
            return call(*given, **named)

    @wraps(call)
    def handle_in_parts(
        *given: Any, **named: Any
    ) -> Iterator[Any]:  # Gradio asks the function itself whether it answers in parts
        with in_a_sentence():
            yield from call(*given, **named)

    return handle_in_parts if isgeneratorfunction(call) else handle


def _asking() -> Person:
    """Who sent an event: Gradio's queue works it off apart from the request, which it keeps. Without one, who acts."""
    from gradio.context import LocalContext

    asked = LocalContext.request.get(None)
    return acting() if asked is None else asked.request.scope.get(PERSON, NOBODY)


def _answering(call: Callable[..., Any], home: Path) -> Callable[..., Any]:
    """A server function: the sentence is the answer, which the panel's script shows."""

    @wraps(call)
    def answer(payload: Any = None) -> Any:
        try:
            rights.check(call.__name__, payload)
            return call(payload)
        except MalformedCall:
            raise
        except Exception as error:
            return {"error": in_words(error, home, telling=False)}

    return answer


def route_error(home: Path) -> Callable[[Any, Exception], Response]:
    """What a route answers when it raises."""

    def respond(_request: Any, error: Exception) -> Response:
        return PlainTextResponse(in_words(error, home, telling=False), status_code=500)

    return respond
