"""A crowd at one server with ten thousand runs while jobs train: ``make load``.

Browsers are clients that send what the page's scripts send; they draw nothing, so no Chromium takes the processor. API clients
call the endpoints of programs. All of them are coroutines of this process, on the server's own machine, and share its cores.
"""

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psutil

from kdui.bench.busy import TRAINING, epochs_a_second, wait_for_training, wait_until_it_ends
from kdui.bench.filled_store import fill_store
from kdui.bench.findings import Finding, Spread, plain
from kdui.bench.laboratory import temporary_home
from kdui.bench.pages import Page
from kdui.bench.server import serving
from kdui.core.recipe import Recipe
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench

AIM_MS, AIM_GROWTH, AIM_SHARE = 300.0, 20.0, 0.9
BROWSER_PAUSE, CLIENT_PAUSE = 2.0, 4.0  # s between an answer and the next question: a page asks for what runs every two seconds
WARM_SECONDS = 5.0  # before memory is read: the first answers load what all later ones share

Ask = Callable[[httpx.AsyncClient, int], Awaitable[None]]


def load(
    settings: Settings, runs: int = 10_000, browsers: int = 50, clients: int = 200, seconds: float = 120.0, examples: int = 0
) -> list[Finding]:
    """Latency, errors and memory of the server, and the speed of a training, alone and beside the crowd.

    Two jobs are queued; how many of them train at a time is the machine's: one on the CPU, one on each GPU. ``examples``: of an
    epoch, 0 for all of the task's.
    """
    with temporary_home(settings) as home:
        ids = fill_store(home, runs)
        bench = Workbench(home)
        with serving(home) as server:
            recipe = Recipe.model_validate(TRAINING).with_values({"teach.train_examples": examples})
            jobs = [bench.submit(recipe.with_values({"seed": seed})) for seed in range(2)]
            try:
                wait_for_training(bench, jobs[0])
                quiet = epochs_a_second(bench, jobs[0], min(seconds, 20.0))
                crowd = Crowd(Page(server.url), server.url, ids)
                asyncio.run(crowd.ask(browsers, clients, min(seconds, WARM_SECONDS)))
                crowd.forget()
                before = psutil.Process(server.pid).memory_info().rss
                busy = _beside(bench, jobs[0], crowd, browsers, clients, seconds)
                after = psutil.Process(server.pid).memory_info().rss
            finally:
                for job in jobs:
                    if not bench.store.runs.facts(job.id).state.is_final:
                        bench.cancel(job.id)
                    wait_until_it_ends(bench, job)
        return _findings(crowd, browsers, clients, seconds, 100.0 * (after / before - 1), busy / quiet)


def _beside(bench: Workbench, job: Any, crowd: "Crowd", browsers: int, clients: int, seconds: float) -> float:
    """Epochs a second while the crowd asks."""

    async def both() -> float:
        asked = asyncio.create_task(crowd.ask(browsers, clients, seconds))
        speed = await asyncio.to_thread(epochs_a_second, bench, job, seconds)
        await asked
        return speed

    return asyncio.run(both())


class Crowd:
    """Clients that ask again and again; keeps how long each answer took, ms, by kind, and every error."""

    def __init__(self, page: Page, url: str, ids: list[str]):
        self._page, self._url, self._ids = page, url, ids
        self.forget()

    def forget(self) -> None:
        """As if nobody had asked yet."""
        self.taken: dict[str, list[float]] = {}
        self.errors: list[str] = []

    async def ask(self, browsers: int, clients: int, seconds: float) -> None:
        """Let all of them ask for so long."""
        end = time.monotonic() + seconds
        limits = httpx.Limits(max_connections=browsers + clients, max_keepalive_connections=browsers + clients)
        async with httpx.AsyncClient(base_url=self._url, timeout=60, limits=limits) as http:
            await asyncio.gather(
                *(self._visit(http, "browser", self._look, number, BROWSER_PAUSE, end) for number in range(browsers)),
                *(self._visit(http, "API client", self._call, number, CLIENT_PAUSE, end) for number in range(clients)),
            )

    async def _visit(self, http: httpx.AsyncClient, kind: str, ask: Ask, number: int, pause: float, end: float) -> None:
        await asyncio.sleep(pause * (number % 97) / 97)  # they do not come all at once
        for turn in itertools.count(number):
            started = time.perf_counter()
            try:
                await ask(http, turn)
                self.taken.setdefault(kind, []).append(1e3 * (time.perf_counter() - started))
            except (httpx.HTTPError, ValueError) as error:
                self.errors.append(f"{kind}: {type(error).__name__} {error}"[:200])
            if time.monotonic() + pause > end:
                return
            await asyncio.sleep(pause)

    async def _look(self, http: httpx.AsyncClient, turn: int) -> None:
        """What a browser asks in turn: a page of runs, a run, the trade-off under a budget."""
        run = self._ids[turn * 7919 % len(self._ids)]
        budget = {"latency_ms": 0.04 + 0.002 * (turn % 20)}
        panel, call, payload = (
            ("runs-panel", "run_table", {"page": 1 + turn % 9}),
            ("runs-panel", "run_detail", {"run": run, "cursor": 0}),
            ("explore-panel", "explore_view", {"task": self._page.task, "x": "latency_ms", "budget": budget}),
        )[turn % 3]
        answer = await http.post("/gradio_api/component_server", json=self._page.body(panel, call, **payload))
        if "error" in answer.raise_for_status().json():
            raise ValueError(answer.json()["error"])

    async def _call(self, http: httpx.AsyncClient, turn: int) -> None:
        """What a program asks, as gradio_client does: an event in the queue, and the stream that brings its answer."""
        run, session = self._ids[turn * 104_729 % len(self._ids)], secrets.token_hex(5)
        event = {"data": [run], "fn_index": self._page.endpoint("results"), "session_hash": session}
        (await http.post("/gradio_api/queue/join", json=event)).raise_for_status()
        async with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                told = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if told.get("msg") == "process_completed":
                    if not told["success"]:
                        raise ValueError(str(told["output"])[:100])
                    return
        raise ValueError("the stream ended without an answer")


def _findings(crowd: Crowd, browsers: int, clients: int, seconds: float, growth: float, share: float) -> list[Finding]:
    everything = Spread(tuple(itertools.chain.from_iterable(crowd.taken.values())) or (float("nan"),), "ms")
    lines = [
        f"{kind}: p95 {plain(Spread(tuple(taken), 'ms').p95)} ms, {len(taken):,} answers" for kind, taken in crowd.taken.items()
    ]
    errors = [f"{len(crowd.errors)} errors, the first: {json.dumps(crowd.errors[0])}"] if crowd.errors else ["no error"]
    who = f"{browsers} browsers and {clients} API clients"
    spread = f"{everything.range}, for {seconds:g} s"
    return [
        Finding(f"p95 of answers to {who}", everything.p95, "ms", spread, "≤", AIM_MS, (*lines, *errors)),
        Finding("errors meanwhile", float(len(crowd.errors)), "", f"of {len(everything.samples):,} answers", "≤", 0.0),
        Finding("growth of the server's memory meanwhile", growth, "%", "resident, once", "≤", AIM_GROWTH),
        Finding(f"a training beside {who}", share, "of its speed alone", "once", "≥", AIM_SHARE),
    ]
