"""Answers that the browser receives while they are generated: lines of JSON, until all have ended or nobody listens any more.

``{"model", "part"}`` is a piece of that model's answer, ``{"model", "error"}`` why it has none. Gradio's server functions answer
once, so this is a route of its own, behind the same guard and password; ``assets/modules/stream.js`` reads it.
"""

import json
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import anyio.to_thread
from pydantic import Field, ValidationError
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kdui.core.bounds import fault
from kdui.core.plain import Frozen
from kdui.core.sampling import Sampling
from kdui.ui.calls import LONGEST_TEXT, MalformedCall, json_object
from kdui.ui.guard import Receive, Scope, Send
from kdui.ui.which_runs import beside
from kdui.unforeseen import in_words
from kdui.workbench.generating import SideBySide, generate

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

PATH = "/kdui-streams/text"
MOST_MODELS = 4
MOST_WAITING = 64  # threads that wait for pieces; apart from those of Gradio, which would then answer nobody
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy in front passes lines on as they come

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Prompt(Frozen):
    """One text that up to four models continue; ``reference``: the model whose opinion of each token is told beside."""

    models: tuple[Digest, ...] = Field(min_length=1, max_length=MOST_MODELS)
    prompt: str = Field(max_length=LONGEST_TEXT)
    sampling: Sampling = Sampling()
    reference: Digest | None = None
    recorded: bool = False  # the models are those of the recorded runs


def stream_route(workbench: "Workbench") -> Route:
    """Where the page asks for it; the answer's length is not known when it begins."""
    limiter = cache(lambda: anyio.CapacityLimiter(MOST_WAITING))  # made by the first request, in the loop that runs then

    async def respond(request: Any) -> Response:
        try:
            prompt = Prompt.model_validate(json_object(await request.body()))
        except MalformedCall as error:
            return JSONResponse({"error": str(error)}, 422)
        except ValidationError as error:
            return JSONResponse({"error": f"{fault(None, error.errors()[0])}."}, 422)
        bench = beside(workbench) if prompt.recorded else workbench
        answers = generate(bench.serving, prompt.models, prompt.prompt, prompt.sampling, prompt.reference)
        return Lines(answers, workbench, limiter())

    return Route(PATH, respond, methods=["POST"])


class Lines(StreamingResponse):
    """The pieces as they come. However it ends, because the browser has gone as well, the models stop."""

    def __init__(self, answers: SideBySide[Any], workbench: "Workbench", limiter: anyio.CapacityLimiter):
        self._answers, self._home, self._limiter = answers, workbench.settings.home, limiter
        super().__init__(self._lines(), media_type="application/x-ndjson", headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._answers.close()

    async def _lines(self) -> AsyncIterator[str]:
        def wait() -> Any:
            return self._answers.next()

        while (piece := await anyio.to_thread.run_sync(wait, abandon_on_cancel=True, limiter=self._limiter)) is not None:
            yield json.dumps(self._line(*piece)) + "\n"

    def _line(self, model: str, piece: Any) -> Mapping[str, Any]:
        if isinstance(piece, Exception):
            return {"model": model, "error": in_words(piece, self._home, telling=False)}
        return {"model": model, "part": piece.model_dump(mode="json", exclude_defaults=True) | {"kind": piece.kind}}
