"""How long the page waits when the store holds ten thousand runs: inside the process, and over HTTP as a browser sends its
requests."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from kdui.bench.filled_store import BASE, fill_store
from kdui.bench.findings import Finding, Spread, plain
from kdui.bench.laboratory import temporary_home
from kdui.bench.server import serving
from kdui.core.errors import KduiError
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench

AIM_MS = 150.0
PAGE_SIZE = 25
Call = Callable[[int], Any]


def page_calls(settings: Settings, runs: int = 10_000, rounds: int = 40) -> list[Finding]:
    """95th percentiles of five calls, in turn; the slowest of the five is the finding. The first round is reported apart."""
    with temporary_home(settings) as home:
        ids = fill_store(home, runs)
        direct = Workbench(home)
        try:
            inside = time_calls(workbench_calls(direct, ids), rounds)
        finally:
            direct.close()
        with serving(home) as server:
            outside = time_calls(browser_calls(Page(server.url), ids), rounds)
    note = f"{runs:,} finished runs of one task with {4 * runs:,} measured models, made up, in a home of their own"
    return [
        finding(f"p95 of five page calls over HTTP, {runs:,} runs", outside, note),
        finding(f"p95 of the same calls inside the process, {runs:,} runs", inside, note),
    ]


def time_calls(calls: Mapping[str, Call], rounds: int) -> dict[str, tuple[float, Spread]]:
    """Milliseconds of the first call, and of ``rounds`` more, by name; the calls take turns."""
    first = {name: _timed(call, 0) for name, call in calls.items()}
    later: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(1, rounds + 1):
        for name, call in calls.items():
            later[name].append(_timed(call, number))
    return {name: (first[name], Spread(tuple(later[name]), "ms")) for name in calls}


def finding(title: str, timed: Mapping[str, tuple[float, Spread]], note: str) -> Finding:
    """The slowest of the five calls is the result; the others are listed below it."""
    slowest = max((spread for _, spread in timed.values()), key=lambda spread: spread.p95)
    lines = [
        f"{name}: p95 {plain(spread.p95)} ms, median {spread}; the very first one {plain(first)} ms"
        for name, (first, spread) in timed.items()
    ]
    return Finding(title, slowest.p95, "ms", f"the slowest of {len(timed)} calls; {slowest.range}", "≤", AIM_MS, (*lines, note))


def _timed(call: Call, number: int) -> float:
    started = time.perf_counter()
    call(number)
    return 1e3 * (time.perf_counter() - started)


# --- the requests: another page, run, budget and temperature in every round -------------------------------------------


def workbench_calls(bench: Workbench, ids: list[str]) -> dict[str, Call]:
    """The five calls on the workbench itself; Explore's includes what its tab makes of the points."""
    from kdui.ui.explore import ExploreCalls

    recipe = bench.recipe(BASE)
    explore = ExploreCalls(bench)
    return {
        "runs page": lambda number: bench.runs(page=_page(number, ids), size=PAGE_SIZE),
        "run detail": lambda number: bench.run(_run(number, ids)),
        "points under a budget": lambda number: explore.explore_view(_wish(number, recipe.task)),
        "overview": lambda number: bench.overview(),
        "estimate": lambda number: bench.estimate(bench.plan(recipe.with_values({"distill.temperature": _temperature(number)}))),
    }


def browser_calls(page: "Page", ids: list[str]) -> dict[str, Call]:
    """The same five as the page's scripts send them."""
    return {
        "runs page": lambda number: page.ask("runs-panel", "run_table", page=_page(number, ids)),
        "run detail": lambda number: page.ask("runs-panel", "run_detail", run=_run(number, ids), cursor=0),
        "points under a budget": lambda number: page.ask("explore-panel", "explore_view", **_wish(number, page.task)),
        "overview": lambda number: page.update("kdui-header"),
        "estimate": lambda number: page.ask("build-panel", "build_plan", changes=[_turn(number)]),
    }


def _page(number: int, ids: list[str]) -> int:
    return 1 + number * 37 % max(1, len(ids) // PAGE_SIZE)


def _run(number: int, ids: list[str]) -> str:
    return ids[number * 7919 % len(ids)]


def _wish(number: int, task: str) -> dict[str, Any]:
    budget = {"latency_ms": 0.04 + 0.002 * (number % 20), "retained": 90.0 + number % 9}
    return {"task": task, "x": "latency_ms", "budget": budget, "page": 1 + number % 3}


def _turn(number: int) -> dict[str, Any]:
    return {"role": "knob", "stage": "distill", "name": "temperature", "value": _temperature(number)}


def _temperature(number: int) -> float:
    return 1.0 + 0.5 * (number % 30)


class Page:
    """A visitor's page: reads its components from the server, and sends the requests of its scripts and events."""

    def __init__(self, url: str):
        self._api = f"{url}/gradio_api"
        self._http = requests.Session()
        self._visit = secrets.token_hex(5)
        config = self._answer(self._http.get(f"{url}/config", timeout=60))
        self._parts = {part["id"]: part["props"] for part in config["components"]}
        self._ids = {props["elem_id"]: number for number, props in self._parts.items() if props.get("elem_id")}
        self._events = config["dependencies"]
        self.task = self.ask("build-panel", "build_plan")["state"]["recipe"]["task"]  # what Build shows first

    def ask(self, panel: str, call: str, **payload: Any) -> dict[str, Any]:
        """The result of a panel's function; raises KduiError where it is an error message."""
        answer = self._answer(self.post(panel, call, **payload))
        if "error" in answer:
            raise KduiError(answer["error"])
        return answer

    def post(self, panel: str, call: str, **payload: Any) -> requests.Response:
        """The same response unparsed, for a reader whose own work on it must not count."""
        return self._http.post(f"{self._api}/component_server", json=self.body(panel, call, **payload), timeout=60)

    def body(self, panel: str, call: str, **payload: Any) -> dict[str, Any]:
        """What is sent then."""
        return {"session_hash": self._visit, "component_id": self._ids[panel], "fn_name": call, "data": payload}

    def endpoint(self, name: str) -> int:
        """The number of the event behind an endpoint of that name."""
        return next(int(event["id"]) for event in self._events if event["api_name"] == name)

    def update(self, part: str, **changed: Any) -> Any:
        """The new value of a part when these inputs of the event that fills it are changed."""
        shown, values = self._ids[part], {self._ids[name]: value for name, value in changed.items()}
        fills = (item for item in self._events if shown in item["outputs"] and item["backend_fn"])
        event = next(item for item in fills if values.keys() <= set(item["inputs"]))
        data = [values.get(number, self._parts[number].get("value")) for number in event["inputs"]]
        body = {"session_hash": self._visit, "fn_index": event["id"], "data": data}
        reply = self._answer(self._http.post(f"{self._api}/run/predict", json=body, timeout=60))
        return reply["data"][event["outputs"].index(shown)]

    @staticmethod
    def _answer(response: requests.Response) -> dict[str, Any]:
        response.raise_for_status()
        reply: dict[str, Any] = response.json()
        return reply
