"""Runs as a person follows them, in a real browser: from one run to the next, while they run and when they have ended."""

import re

import pytest
from playwright.sync_api import expect

from kdui.settings import Settings
from tests.ui.served import served
from tests.ui.stocked import StockedWorkbench

PATIENCE_MS = 90_000
SHOWN = """(kind) => {
  const chart = document.querySelector(`#run-${kind}`);
  if (!chart || chart.closest('figure').hidden || document.querySelector('#run-curves').hidden) return [];
  const lines = [...chart.querySelectorAll('.scatterlayer .trace')];
  return lines.map((line) => line.__data__[0].trace.name).sort();
}"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A finished run with all curves, a running one with a few, one without any, and one whose names are no CSS."""
    bench = StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    finished = bench.stock(name="Finished")
    log = bench.store.events(finished.id)
    for epoch in range(1, 5):
        for step in ("teach", "distill", "distill.control"):
            log.append("loss", step=step, at=float(epoch), train_hard=1 / epoch)
            log.append("metric", step=step, at=float(epoch), validation=90.0 + epoch, validation_loss=2 / epoch)
    odd = bench.stock(name="Odd names", seed=1)
    for epoch in range(1, 4):
        bench.store.events(odd.id).append("loss", step="2. größe|<b>", at=float(epoch), **{"soft target's %": 3 / epoch})
    bench.stock(name="Without curves", seed=2)
    running = bench.submit(bench.recipe("quickstart").with_values({"name": "Running"}))
    bench.store.runs.claim("cpu")
    bench.store.events(running.id).append("loss", step="teach", at=0.5, train_hard=3.0)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def address(bench):
    with served(bench) as address:
        yield address


@pytest.fixture
def page(browser):
    """A page that fails the test when its script does or when anything is complained of in the console."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda problem: wrong.append(str(problem)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" or "kdui:" in said.text else None)
    yield page
    page.close()
    assert wrong == []


def open_run(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("#run-head h2")).to_have_text(name)


def test_each_run_shows_its_own_curves_whichever_was_shown_before(page, address, bench):
    ids = {row.name: row.id for row in bench.runs().rows}
    page.goto(f"{address}?tab=runs&run={ids['Finished']}")
    steps = ("distill", "distill.control", "teach")
    full = [f"{label}: {name}" for label in steps for name in ("train hard", "validation loss")]
    labels = {step.name: step.label or step.name for step in bench.run(ids["Finished"]).run.steps}
    losses = sorted(f"{labels[each.split(':')[0]]}:{each.split(':')[1]}" for each in full)
    metrics = sorted(f"{labels[step]}: validation" for step in steps)
    teacher = labels["teach"]
    expected = {
        "Finished": (losses, metrics),
        "Running": ([f"{teacher}: train hard"], []),
        "Without curves": ([], []),
        "Odd names": (["2. größe|<b>: soft target's %"], []),
    }
    page.wait_for_function(f"({SHOWN})('metric').length === 3")
    for name in ("Running", "Finished", "Odd names", "Running", "Without curves", "Finished", "Without curves", "Running"):
        open_run(page, name)
        for kind, wanted in zip(("loss", "metric"), expected[name], strict=True):
            shown = f"([kind, wanted]) => JSON.stringify(({SHOWN})(kind)) === JSON.stringify(wanted)"
            page.wait_for_function(shown, arg=[kind, wanted])
    legend = page.locator("#run-legend")
    expect(legend).to_contain_text(teacher)
    expect(legend).not_to_contain_text("größe")
    # what comes next is drawn into the same chart, as a line of its own
    log = bench.store.events(ids["Running"])
    log.append("loss", step="teach", at=1.0, train_hard=2.0)
    log.append("metric", step="teach", at=1.0, validation=91.0, validation_loss=2.5)
    page.wait_for_function(f"({SHOWN})('metric').length === 1 && ({SHOWN})('loss').length === 2")
    path = page.locator("#run-loss .scatterlayer path.js-line").first
    expect(path).to_have_attribute("d", re.compile("^M.*[LHV]"))
