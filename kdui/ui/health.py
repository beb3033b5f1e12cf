"""``/healthz`` for what watches over the server, ``/metrics`` for Prometheus: both under the page's own names alone.

``/healthz`` needs no password and tells only whether the store and the dispatcher work. ``/metrics`` needs the page's, by its
cookie or as HTTP Basic (``basic_auth`` in Prometheus).
"""

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kdui.core.errors import KduiError
from kdui.core.run import RunState
from kdui.ui.calls import SERVER_CALL
from kdui.ui.guard import Application, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from kdui.workbench.workbench import Workbench

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0)  # s; 0.3 is what an answer of the page may take
TIMED = (SERVER_CALL, "/gradio_api/run/", "/kdui-models/", "/kdui-class/")


class Answers:
    """How many answers took how long. Counted by the event loop alone, so nothing is locked."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)  # the last one: longer than every bound
        self.seconds = 0.0
        self.visited = threading.Event()  # a panel of the page has had an answer

    def note(self, seconds: float) -> None:
        """One answer."""
        self.counts[next((place for place, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))] += 1
        self.seconds += seconds


class Timed:
    """An application whose answers are timed, from the request to the last byte; streams and files of the page are left out."""

    def __init__(self, application: Application, answers: Answers):
        self.application, self.answers = application, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(TIMED):
            await self.application(scope, receive, send)
            return
        started = time.perf_counter()

        async def timed(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.answers.note(time.perf_counter() - started)
                if scope["path"].startswith(SERVER_CALL):
                    self.answers.visited.set()

        await self.application(scope, receive, timed)


def health_routes(workbench: "Workbench", answers: Answers) -> list[Route]:
    """Both routes. ``answers``: what times them."""

    def health(_request: Any) -> Response:
        try:
            workbench.store.runs.counts()
        except KduiError:
            return PlainTextResponse("The store does not answer.\n", status_code=503)
        if workbench.dispatcher is not None and not workbench.dispatcher.alive:
            return PlainTextResponse("The dispatcher has stopped: queued runs do not start.\n", status_code=503)
        return PlainTextResponse("ok\n")

    def metrics(_request: Any) -> Response:
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(Figures(workbench, answers))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", health), Route("/metrics", metrics)]


class Figures:
    """What Prometheus is told, read when it asks."""

    def __init__(self, workbench: "Workbench", answers: Answers):
        self.workbench, self.answers = workbench, answers

    def collect(self) -> "Iterator[Metric]":
        """One family of metrics after another."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        runs = self.workbench.store.runs
        counts = runs.counts()
        states = GaugeMetricFamily("kdui_runs", "Runs by their state", labels=["state"])
        for state in RunState:
            states.add_metric([state.value], counts.get(state.value, 0))
        yield states
        yield GaugeMetricFamily("kdui_queue_length", "Runs that wait for a free slot", counts.get(RunState.QUEUED.value, 0))
        seconds = GaugeMetricFamily("kdui_step_seconds", "Time of the stored runs' computed steps, s", labels=["method"])
        steps = GaugeMetricFamily("kdui_steps", "Ended steps of the stored runs: computed or cached", labels=["method", "how"])
        for row in runs.work():
            if row.cached:
                steps.add_metric([row.method, "cached"], row.steps)
            else:
                steps.add_metric([row.method, "computed"], row.steps)
                seconds.add_metric([row.method], row.seconds)
        yield from (seconds, steps)
        counted = list(self.answers.counts)
        sums = [sum(counted[: place + 1]) for place in range(len(counted))]
        bounds = [*map(str, BUCKETS), "+Inf"]
        answered = HistogramMetricFamily("kdui_answer_seconds", "Time that calls, endpoints and downloads took, s")
        answered.add_metric([], list(zip(bounds, sums, strict=True)), self.answers.seconds)
        yield answered
        yield CounterMetricFamily("kdui_answers", "Calls, endpoints and downloads that were answered", sums[-1])
        memory = GaugeMetricFamily("kdui_memory_bytes", "Resident memory of kdui's processes on this machine", labels=["process"])
        for process, size in self._memory():
            memory.add_metric([process], size)
        yield memory

    def _memory(self) -> Iterator[tuple[str, int]]:
        import os

        import psutil

        numbers = {"page": os.getpid()}
        if "serving" in self.workbench.__dict__ and self.workbench.serving.pid:
            numbers["serving"] = self.workbench.serving.pid
        for name, number in numbers.items():
            try:
                yield name, psutil.Process(number).memory_info().rss
            except psutil.Error:  # it has ended meanwhile
                continue
