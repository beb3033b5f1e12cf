"""What many readers of the page take from a training, and what memory they leave behind: both in turns, on one machine."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import requests

from kdui.bench.filled_store import fill_store
from kdui.bench.findings import Finding, Spread, plain
from kdui.bench.laboratory import temporary_home
from kdui.bench.pages import Page
from kdui.bench.server import serving
from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.core.run import Run
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench

AIM_SHARE, AIM_MB = 0.9, 300.0
PAUSE_SECONDS = 1.0  # between an answer and the same reader's next question; the page itself asks every two seconds
START_SECONDS = 240.0
TRAINING = {
    "task": "digits",
    "teacher": "cnn-small",
    "stages": [{"teach": {"epochs": 1000, "batch_size": 8, "patience": 0}}],  # longer than all that is measured beside it
}


def busy_page(
    settings: Settings, runs: int = 2_500, readers: int = 30, seconds: float = 15.0, rounds: int = 4, examples: int = 0
) -> list[Finding]:
    """Epochs a second of a training alone and beside readers of Explore, in turns; then the memory around CSV exports.

    ``examples``: of an epoch, 0 for all of the task's.
    """
    with temporary_home(settings) as home:
        fill_store(home, runs)
        bench = Workbench(home)
        with serving(home) as server:
            recipe = Recipe.model_validate(TRAINING).with_values({"teach.train_examples": examples})
            run = bench.submit(recipe, "cpu")
            try:
                wait_for_training(bench, run)
                training = _in_turns(bench, run, server.url, server.pid, readers, seconds, rounds)
                memory = _memory(server.url, server.pid, readers, seconds)
            finally:
                if not bench.store.runs.facts(run.id).state.is_final:
                    bench.cancel(run.id)
                wait_until_it_ends(bench, run)
        return [training, memory]


def wait_for_training(bench: Workbench, run: Run) -> None:
    """Until two epochs have ended; raises KduiError where the run ends before."""
    deadline = time.monotonic() + START_SECONDS
    while _epochs(bench, run)[0] < 2:
        now = bench.store.runs.get(run.id)
        if now.state.is_final or time.monotonic() > deadline:
            raise KduiError(f"The training did not start: {now.state}, {now.error}. The log: {bench.log_tail(run.id)}")
        time.sleep(0.1)


def wait_until_it_ends(bench: Workbench, run: Run) -> None:
    """At most ten seconds."""
    deadline = time.monotonic() + 10
    while not bench.store.runs.get(run.id).state.is_final and time.monotonic() < deadline:
        time.sleep(0.1)


def _epochs(bench: Workbench, run: Run) -> tuple[float, float]:
    """The newest finished epoch and when it ended, s."""
    ended = [(event.at or 0.0, event.time) for event in bench.events(run.id)[0] if event.kind == "metric"]
    return ended[-1] if ended else (0.0, 0.0)


def _in_turns(bench: Workbench, run: Run, url: str, pid: int, readers: int, seconds: float, rounds: int) -> Finding:
    alone, beside, answers, server, worker = [], [], 0, [], []
    page = psutil.Process(pid)
    work = psutil.Process(bench.store.runs.get(run.id).pid)
    for _ in range(rounds):
        alone.append(epochs_a_second(bench, run, seconds))
        page.cpu_percent(), work.cpu_percent()
        with _reading(url, readers, "explore_view") as counts:
            beside.append(epochs_a_second(bench, run, seconds))
        server.append(page.cpu_percent())
        worker.append(work.cpu_percent())
        answers += sum(counts)
    quiet, busy = Spread(tuple(alone), "epochs/s"), Spread(tuple(beside), "epochs/s")
    return Finding(
        f"a training beside {readers} readers of Explore",
        busy.median / quiet.median,
        "of its speed alone",
        f"medians of {rounds} turns of {seconds:g} s",
        "≥",
        AIM_SHARE,
        (
            f"alone {quiet}",
            f"beside readers {busy}; {answers / (rounds * seconds):.1f} answers a second",
            f"meanwhile the server used {plain(sum(server) / rounds)} % of a core, the training {plain(sum(worker) / rounds)} %",
        ),
    )


def epochs_a_second(bench: Workbench, run: Run, seconds: float) -> float:
    """Epochs a second, from the end of one to the end of another at least ``seconds`` later."""
    first, began = _epochs(bench, run)
    time.sleep(seconds)
    deadline = time.monotonic() + START_SECONDS
    while (last := _epochs(bench, run))[0] == first:
        if bench.store.runs.facts(run.id).state.is_final or time.monotonic() > deadline:
            raise KduiError(f"The training did not go on while it was timed. The log: {bench.log_tail(run.id)}")
        time.sleep(0.1)
    return (last[0] - first) / (last[1] - began)


@contextmanager
def _reading(url: str, readers: int, call: str) -> Iterator[list[int]]:
    """Visitors that ask again and again; counts of their answers."""
    over = threading.Event()
    counts = [0] * readers
    pages = [Page(url) for _ in range(readers)]  # opened before anything is timed

    def read(number: int) -> None:
        page = pages[number]
        while not over.wait(PAUSE_SECONDS):
            try:
                budget = {"retained": 90.0 + number % 3}
                page.post("explore-panel", call, task="digits", x="latency_ms", budget=budget).raise_for_status()
            except requests.RequestException:  # a page that yields may be slow; the reader tries again
                continue
            counts[number] += 1

    threads = [threading.Thread(target=read, args=(number,), daemon=True) for number in range(readers)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=60)


def _memory(url: str, pid: int, readers: int, seconds: float) -> Finding:
    """The server's resident memory before, during and after CSV exports by all readers."""
    process = psutil.Process(pid)
    before = process.memory_info().rss / 1e6
    most = before
    with _reading(url, readers, "explore_csv") as counts:
        until = time.monotonic() + 4 * seconds
        while time.monotonic() < until:
            time.sleep(0.2)
            most = max(most, process.memory_info().rss / 1e6)
    deadline = time.monotonic() + 30
    after = process.memory_info().rss / 1e6
    while after > before + AIM_MB / 3 and time.monotonic() < deadline:
        time.sleep(1)
        after = process.memory_info().rss / 1e6
    line = f"{before:,.0f} MB before, {most:,.0f} at the most, {after:,.0f} after {sum(counts)} exports by {readers} readers"
    return Finding(
        f"memory that {readers} readers of the CSV leave behind", after - before, "MB", "one server", "≤", AIM_MB, (line,)
    )
