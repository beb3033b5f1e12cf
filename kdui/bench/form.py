"""Response times of Build: from a knob to its picture, to the new cost, and from another task to its form."""

from typing import Any

from kdui.bench.browser import open_browser
from kdui.bench.findings import Finding, Spread
from kdui.bench.laboratory import temporary_home
from kdui.bench.server import serving
from kdui.settings import Settings

LENS_MS, COST_MS, FORM_MS = 50.0, 150.0, 150.0
TASKS = ("fashion-mnist", "reuters-r8", "sentiment", "reuters-and-sentiment", "digits")  # the page begins with the last one
# What a teacher of ten labels would give; nothing is trained here.
ANSWERS = {
    "temperature": {
        "origin": "measured",
        "note": "made up",
        "labels": [str(digit) for digit in range(10)],
        "examples": [{"text": None, "image": None, "truth": "0", "logits": [9.0 - 0.8 * place for place in range(10)]}],
    }
}
# Turns the temperature as a person does; resolves with the milliseconds until its picture is drawn, and until the command has it.
TURN = """async (value) => {
    const knob = document.querySelector('#knob-distill-temperature');
    const plot = document.querySelector('.lens[data-lens=temperature] .lens-plot');
    const began = performance.now();
    const drawn = new Promise((done) => plot.once('plotly_afterplot', () => done(performance.now() - began)));
    const named = new Promise((done) => {
        const place = document.querySelector('#build-command');
        const look = () => { if (place.textContent.includes(`temperature=${value}`)) done(performance.now() - began); };
        new MutationObserver(look).observe(place, { childList: true, characterData: true, subtree: true });
    });
    knob.value = value;
    knob.dispatchEvent(new Event('input', { bubbles: true }));
    return [await drawn, await named];
}"""
# Chooses a task; resolves with the milliseconds until its facts and its form are there, and with the requests that this took.
CHOOSE = """async (task) => {
    let requests = 0;
    const send = window.fetch, list = document.querySelector('#build-task'), place = document.querySelector('#build-task-facts');
    window.fetch = (...given) => { requests += JSON.stringify(given).includes('build_plan'); return send(...given); };
    const began = performance.now();
    const shown = new Promise((done) => {
        new MutationObserver(() => done(performance.now() - began)).observe(place, { childList: true });
    });
    list.value = task;
    list.dispatchEvent(new Event('input', { bubbles: true }));
    const answer = [await shown, requests];
    window.fetch = send;
    return answer;
}"""


def form_answers(settings: Settings, rounds: int = 40) -> list[Finding]:
    """95th percentiles over ``rounds`` turns of one knob and as many changes of task, in a browser beside the server."""
    with open_browser() as browser, temporary_home(settings) as home, serving(home) as server:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.url}?tab=build")
        page.locator("table.cost").wait_for(timeout=60_000)
        page.evaluate("(data) => kdui.module('lenses.js').then(({ lenses }) => lenses.feed(data))", ANSWERS)
        page.wait_for_function("document.querySelector('.lens[data-lens=temperature] .lens-plot')?.data")
        turned = [page.evaluate(TURN, _temperature(number)) for number in range(rounds + 1)][1:]
        first = [page.evaluate(CHOOSE, task) for task in TASKS[:-1]]
        chosen = [page.evaluate(CHOOSE, TASKS[number % len(TASKS) - 1]) for number in range(rounds)]
        page.close()
    requests = max(count for _, count in [*first, *chosen])
    form = (f"{requests:g} request each time at the most",)
    return [
        _finding("Build: from a knob's turn to its picture", [drawn for drawn, _ in turned], LENS_MS, ("in the browser alone",)),
        _finding("Build: from a knob's turn to the new cost and command", [named for _, named in turned], COST_MS, ()),
        _finding("Build: from another task to its form at its first visit", [shown for shown, _ in first], FORM_MS, form),
        _finding("Build: from another task to its form", [shown for shown, _ in chosen], FORM_MS, form),
    ]


def _temperature(number: int) -> float:
    return 5.0 + 0.5 * (number % 30)  # never the recipe's own: the command names what differs


def _finding(title: str, samples: list[Any], aim: float, lines: tuple[str, ...]) -> Finding:
    spread = Spread(tuple(samples), "ms")
    return Finding(f"{title}, p95", spread.p95, "ms", spread.range, "≤", aim, (f"median {spread}", *lines))
