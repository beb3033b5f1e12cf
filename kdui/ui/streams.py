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
from pydantic import Field, ValidationError, model_validator
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kdui.core.bounds import fault
from kdui.core.errors import KduiError
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
    """One text that up to four models continue; ``reference``: the model whose opinion of each token is told beside.

    With ``ballot`` the two models of a blind vote, which the lines then call A and B, without the time that each token took.
    """

    models: tuple[Digest, ...] = Field(default=(), max_length=MOST_MODELS)
    ballot: str = Field(default="", max_length=40)
    prompt: str = Field(max_length=LONGEST_TEXT)
    sampling: Sampling = Sampling()
    reference: Digest | None = None
    chat: bool = False  # the prompt is a message to chat models
    recorded: bool = False  # the models are those of the recorded runs

    @model_validator(mode="after")
    def _models_or_ballot(self) -> "Prompt":
        if bool(self.models) == bool(self.ballot):
            raise ValueError("name one to four models, or a ballot")
        if self.ballot and self.reference:
            raise ValueError("a ballot has no reference model: it would tell which one is the teacher")
        return self


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
        sides: dict[str, str] = {}
        if prompt.ballot:
            try:
                sides = await anyio.to_thread.run_sync(bench.voting.sides, prompt.ballot)
            except KduiError as error:
                return JSONResponse({"error": str(error)}, 422)
        models = tuple(sides.values()) or prompt.models
        answers = generate(bench.serving, models, prompt.prompt, prompt.sampling, prompt.reference, prompt.chat)
        return Lines(answers, workbench, limiter(), {digest: side for side, digest in sides.items()})

    return Route(PATH, respond, methods=["POST"])


class Lines(StreamingResponse):
    """The pieces as they come. However it ends, because the browser has gone as well, the models stop.

    ``sides``: the name that hides each model; its times, by which it could be told, are then left out.
    """

    def __init__(
        self,
        answers: SideBySide[Any],
        workbench: "Workbench",
        limiter: anyio.CapacityLimiter,
        sides: Mapping[str, str] | None = None,
    ):
        self._answers, self._home, self._limiter, self._sides = answers, workbench.settings.home, limiter, sides or {}
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
        name = self._sides.get(model, model)
        if isinstance(piece, Exception):
            return {"model": name, "error": in_words(piece, self._home, telling=False)}
        hidden = {"seconds"} if self._sides else set()
        return {
            "model": name,
            "part": piece.model_dump(mode="json", exclude_defaults=True, exclude=hidden) | {"kind": piece.kind},
        }
