"""Runs, Explore and Compare as a person uses them, in a real browser over a stocked store."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from kdui.settings import Settings
from tests.ui.served import served
from tests.ui.stocked import StockedWorkbench


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    for bits in (4, 8):
        bench.stock(name=f"Digits {bits}-bit", bits=bits)
    waiting = bench.submit(bench.recipe("quickstart").with_values({"name": "Waiting"}))
    log = bench.store.events(waiting.id)
    for at in range(1, 20):
        log.append("loss", step="distill", at=at / 10, soft=2 / at, hard=1 / at)
    return bench


@pytest.fixture(scope="module")
def address(bench):
    with served(bench) as address:
        yield address


def test_a_run_is_found_chosen_and_still_chosen_after_a_reload(page, address, bench):
    page.goto(f"{address}?tab=runs")
    page.get_by_label("Find").fill("4-bit")
    expect(page.locator("table.runs tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Digits 4-bit").click()
    expect(page.locator("#run-head h2")).to_have_text("Digits 4-bit")
    expect(page.locator("#run-results")).to_contain_text("97.6")
    expect(page).to_have_url(re.compile("run=[0-9a-f]+"))
    page.reload()
    expect(page.locator("#run-head h2")).to_have_text("Digits 4-bit")
    expect(page.get_by_label("Find")).to_have_value("4-bit")


def test_what_was_typed_before_the_script_came_counts(page, address, bench):
    held = []
    page.route("**/runs.js", lambda route: held.append(route))
    page.goto(f"{address}?tab=runs")
    page.get_by_label("Find").fill("4-bit")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(page.locator("table.runs tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("find=4-bit"))


def test_zoom_survives_new_points_and_the_chart_mounts_once(page, address, bench):
    run = next(row for row in bench.runs().rows if row.name == "Waiting")
    page.goto(f"{address}?tab=runs&run={run.id}")
    page.wait_for_function("document.querySelector('#run-loss')?.data?.length >= 2")
    page.evaluate("""async () => {
        const chart = document.querySelector('#run-loss');
        chart.marked = true;
        await Plotly.relayout(chart, {'xaxis.range': [0.5, 1]});
    }""")
    before = page.evaluate("document.querySelector('#run-loss').calcdata[0].length")
    bench.store.events(run.id).append("loss", step="distill", at=2.0 + before / 1000, soft=0.1, hard=0.1)
    page.wait_for_function(f"document.querySelector('#run-loss').calcdata[0].length > {before}")
    kept = page.evaluate("(() => { const c = document.querySelector('#run-loss'); return [c.marked, c.layout.xaxis.range]; })()")
    assert kept == [True, [0.5, 1]]


def test_deleting_asks_first(page, address, bench):
    run = bench.submit(bench.recipe("quickstart").with_values({"name": "Unwanted"}))
    page.goto(f"{address}?tab=runs&run={run.id}")
    page.locator("#run-delete").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#run-head h2")).to_have_text("Unwanted")
    page.locator("#run-delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#runs-table")).not_to_contain_text("Unwanted")


def test_a_budget_names_the_winner_and_stays_in_the_address(page, address):
    page.goto(f"{address}?tab=explore&task=digits&latency=1")
    expect(page.locator("#explore-title")).to_contain_text("A 310 kB compressed model keeps 98.8 %")
    page.wait_for_function("document.querySelector('#explore-chart')?.data?.length > 4")
    slider = page.locator("#limit-latency_ms")
    slider.focus()
    slider.press("End")
    expect(page.locator("#out-latency_ms")).to_have_text("no limit")
    expect(page.locator("#explore-title")).to_contain_text("student keeps 99.1 %")
    expect(page).not_to_have_url(re.compile("latency="))
    page.locator("#limit-retained").press("End")
    expect(page.locator("#explore-winner")).to_contain_text("Nothing fits this budget")
    expect(page).to_have_url(re.compile("keep=100"))


def test_a_point_opens_its_run_and_the_csv_holds_all(page, address):
    page.goto(f"{address}?tab=explore&task=digits")
    page.wait_for_function("document.querySelector('#explore-chart')?.data?.length > 4")
    with page.expect_download() as saved:
        page.locator(".explore-main > .card").first.locator(".menu:not(.views) > summary").click()
        page.locator(".explore-main > .card").first.get_by_role("button", name="CSV").click()
    assert saved.value.suggested_filename == "kdui-digits.csv"
    with page.expect_download() as picture:
        page.locator(".explore-main > .card").first.locator(".menu:not(.views) > summary").click()
        page.locator(".explore-main > .card").first.get_by_role("button", name="SVG").click()
    assert "student keeps 99.1 %" in picture.value.path().read_text(encoding="utf-8")
    page.evaluate("""() => {
        const chart = document.querySelector('#explore-chart');
        const trace = chart.data.find((each) => each.customdata);
        chart.emit('plotly_click', { points: [{ customdata: trace.customdata[0] }] });
    }""")
    expect(page.locator("#run-head h2")).to_contain_text("Digits")


def test_a_rectangle_over_the_chart_narrows_every_view(page, address):
    page.goto(f"{address}?tab=explore&task=digits&x=download_mb")
    page.wait_for_function("document.querySelector('#explore-chart')?.data?.length > 4")
    rows, chart = page.locator("#explore-table tbody tr"), page.locator("#explore-chart .nsewdrag")
    expect(rows).to_have_count(5)
    rows.filter(has_text="The student").get_by_role("link").focus()
    expect(page.locator("#explore-chart .hoverlayer")).to_contain_text("The student")  # the row points at the chart
    page.get_by_role("button", name="Keep by dragging").click()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    at = page.evaluate("""() => {
        const { xaxis, yaxis } = document.querySelector('#explore-chart')._fullLayout;
        return [xaxis.d2p(4.8), yaxis.d2p(96.8), yaxis.d2p(95.6)];
    }""")
    page.mouse.move(box["x"] + at[0] - 20, box["y"] + at[1] - 12)
    page.mouse.down()
    page.mouse.move(box["x"] + at[0] + 10, box["y"] + at[1], steps=3)
    page.mouse.move(box["x"] + at[0] + 20, box["y"] + (at[1] + at[2]) / 2, steps=3)
    page.mouse.up()
    expect(rows).to_have_count(2)  # the student and, as a reference, the teacher
    expect(page.locator("#explore-narrowed")).to_contain_text("2 of 5 models")
    only = json.loads(parse_qs(urlsplit(page.url).query)["only"][0])
    assert only["download_mb"][0] < 4.8 < only["download_mb"][1] < 91 and 95.6 < only["headline"][0] < 96.8 < only["headline"][1]
    page.locator("[data-widen=headline]").click()
    expect(rows).to_have_count(3)  # and its control, of the same size


def test_the_gain_from_distillation_is_drawn_and_can_be_downloaded(page, address):
    page.goto(f"{address}?tab=explore&task=digits")
    expect(page.locator("#gains-title")).to_have_text("One seed is not enough to measure the gain from distillation")
    page.wait_for_function("document.querySelector('#gains-chart')?.data?.[0]?.x?.length === 1")
    expect(page.locator("#grid-note")).to_contain_text("Queue a sweep")
    with page.expect_download() as saved:
        page.locator("#gains .menu > summary").click()
        page.locator("#gains [data-save=csv]").click()
    assert saved.value.suggested_filename == "kdui-digits-gains.csv"
    with page.expect_download() as picture:
        page.locator("#gains .menu > summary").click()
        page.locator("#gains [data-save=svg]").click()
    assert "One seed is not enough" in picture.value.path().read_text(encoding="utf-8")


def test_charts_stay_whole_when_the_address_changes(page, address):
    """What a chart refers to by the page's address (patterns, clip paths) would be lost with the next choice."""
    page.goto(f"{address}?tab=explore&task=digits")
    page.wait_for_function("document.querySelector('#explore-chart')?.data?.length > 4")
    references = """() => [...document.querySelectorAll(".js-plotly-plot [clip-path], .js-plotly-plot [style*='url(']")]
        .map((each) => each.getAttribute("clip-path") ?? each.style.fill)"""
    result = page.evaluate(references)
    assert result and all(re.match(r"""url\(['"]?#""", each) for each in result), result


def test_models_run_side_by_side(page, address, bench):
    page.goto(f"{address}?tab=compare&task=digits")
    expect(page.locator("#compare-cards section")).to_have_count(3)
    page.locator("#compare-examples .example").nth(4).click()
    expect(page.locator("#compare-agreement")).to_contain_text("All agree: 7. The truth is 4.")
    expect(page.locator("#compare-cards .bar-fill")).to_have_count(9)
    expect(page.locator("#compare-table")).to_contain_text("Disagreements: 33 of 359 test images")
    pad = page.locator("#compare-pad").bounding_box()
    page.mouse.move(pad["x"] + 60, pad["y"] + 60)
    page.mouse.down()
    page.mouse.move(pad["x"] + 150, pad["y"] + 150, steps=4)
    page.mouse.up()
    expect(page.locator("#compare-agreement")).to_have_text(re.compile("All agree: 7.$"))
    assert bench.asked[-1].size == (224, 224)
    page.get_by_label("Model 3").select_option(value="")
    expect(page.locator("#compare-cards section")).to_have_count(2)
    expect(page).to_have_url(re.compile("models=teach-0%2Cdistill-0$"))


def test_a_vote_is_blind_until_it_is_given_and_everybodys_votes_stay(page, address, bench):
    page.goto(f"{address}?tab=compare&task=digits&models=teach-0,distill-0")
    page.locator("#compare-examples .example").nth(2).click()
    expect(page.locator("#compare-agreement")).to_contain_text("All agree")
    page.get_by_role("button", name="Hide which model is which").click()
    cards = page.locator("#compare-cards .card")
    expect(page.locator("#compare-cards h2")).to_have_text(["A", "B"])  # what was seen with names is not voted on
    expect(page.locator("#compare-parted")).to_be_hidden()
    page.locator("#compare-examples .example").nth(3).click()
    expect(cards.locator(".bar-fill")).to_have_count(6)
    assert "The teacher" not in page.locator("#compare-cards").inner_text()
    assert [card.get_attribute("class") for card in cards.all()] == ["card control"] * 2
    page.get_by_role("button", name="A is better").click()
    expect(page.locator("#vote-told")).to_contain_text("Your vote: A is better")
    expect(page.locator("#compare-cards h2").first).to_have_text(re.compile("A: (Teacher|Student) · The "))
    expect(page.locator("#vote-next")).to_be_focused()
    for key, words in (("2", "B is better"), ("0", "Tie"), ("9", "Both bad")):
        page.keyboard.press("Enter")  # the next test example
        expect(page.locator("#vote-ways")).to_be_visible()
        page.keyboard.press(key)
        expect(page.locator("#vote-told")).to_contain_text(f"Your vote: {words}")
    assert [tally.total for tally in bench.voting.tallies("digits")] == [4]
    page.locator("#compare-examples .example").nth(3).click()
    expect(page.locator("#vote-told")).to_contain_text("You have voted on this input already")
    page.reload()
    expect(page.locator("#vote-tally")).to_contain_text("Ties: 1 · both bad: 1 · inputs: 4 · people: 1")
    with page.expect_download() as saved:
        page.locator("#vote-save").click()
    assert saved.value.suggested_filename == "kdui-digits-votes.csv"
    page.locator("#vote-card [data-pin]").click()
    expect(page.locator("#pin-told")).to_contain_text("Pinned to")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#vote-reset").click()
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator("#vote-tally")).to_contain_text("inputs: 4")
    page.locator("#vote-reset").click()
    page.get_by_role("button", name="Delete the votes").click()
    expect(page.locator("#vote-told")).to_contain_text("Deleted 4 votes")
    expect(page.locator("#vote-tally")).to_be_empty()


def test_home_leads_on_and_the_walk_goes_from_build_to_present_once(page, address):
    page.goto(address)
    expect(page.locator("#home-walk")).to_have_class(re.compile("fresh"))
    expect(page.locator("#home-now")).to_contain_text("Waiting waits in the queue")
    page.get_by_label("Few labels").check()
    expect(page.locator("#home-goal")).to_contain_text("Pseudo-labels")
    page.get_by_label("My own model").check()
    page.get_by_label("3. Which model?").fill("onnx:/nowhere.onnx")
    expect(page.locator("#home-goal")).to_contain_text("The page reads only files below KDUI_HOME")
    page.get_by_label("Keep 99 %").check()
    page.get_by_role("link", name="Fill Build").click()
    expect(page.locator("#build-yaml")).to_have_value(re.compile("name: Keep 99 % · Digits"))
    page.go_back()
    expect(page.locator("#home-walk")).to_be_visible()
    page.get_by_role("button", name="Guided walk").click()
    walk = page.get_by_role("complementary", name="Guided walk")
    for tab in ("build", "runs", "explore", "compare"):
        expect(page).to_have_url(re.compile(f"tab={tab}"))
        walk.get_by_role("button", name="Next").click()
    page.reload()  # it keeps its place
    expect(walk).to_contain_text("5 of 5")
    expect(page.locator(".walk-mark")).to_have_attribute("id", "present-acts")
    walk.get_by_role("button", name="Done").click()
    expect(walk).to_be_hidden()
    page.goto(address)
    expect(page.locator("#home-walk")).not_to_have_class(re.compile("fresh"))


def test_a_recorded_run_replays_apart_from_ones_own(page, address):
    page.goto(f"{address}?tab=runs&runs=recorded&replay=1")
    expect(page.locator("#run-replay")).to_contain_text("replayed")
    expect(page.locator("#replay-speed")).to_have_value("1")
    expect(page.locator("#run-head .badge")).to_have_text("running")
    expect(page.locator("#runs-table")).to_contain_text("⟲")
    expect(page.locator("#runs-table")).not_to_contain_text("Waiting")
    page.locator("#replay-turn").click()
    page.locator("#replay-at").fill("1000")  # its end: the run as it is
    expect(page.locator("#run-head .badge")).to_have_text("succeeded")
    page.get_by_role("button", name="End the replay").click()
    expect(page.locator("#run-replay")).to_be_hidden()
    expect(page.locator("#run-actions")).not_to_contain_text("Delete")
    page.get_by_role("link", name="Show my own runs").click()
    expect(page.locator("#runs-table")).to_contain_text("Waiting")
    expect(page.locator("#runs-table")).not_to_contain_text("⟲")


def test_a_recorded_translation_is_tried_without_its_data_and_shows_what_it_looked_at(page, address):
    page.goto(f"{address}?tab=compare&runs=recorded&task=help-de")
    cards = page.locator("#compare-cards [data-model]")
    expect(cards).to_have_count(3)
    expect(page.locator("#compare-examples")).to_contain_text("put lohelp_en_de.tsv.gz into a folder of yours")
    expect(page.locator("#compare-align")).to_be_hidden()
    page.locator("#compare-sampling").get_by_label("Tokens").fill("12")
    page.locator("#compare-text").fill("Choose the File menu.")
    page.locator("#compare-go").click()
    page.get_by_role("button", name="Which words did it look at?").click()
    shown = page.locator("#align-shown section")
    expect(shown).to_have_count(3)
    first = shown.first
    expect(first.locator("table:visible thead th span")).to_have_text(["Choose", "the", "File", "menu."])
    written = cards.first.locator(".generated").text_content().split()
    expect(first.locator("table:visible tbody th")).to_have_text(written)
    before = first.locator("table:visible").inner_html()
    first.get_by_label("Decoder layer").select_option(label="layer 2 of 2")
    expect(first.locator("table:visible")).to_have_count(1)
    assert first.locator("table:visible").inner_html() != before
    assert re.fullmatch("“.+” gives .+ of its attention to “Choose”", first.locator("td:visible").first.get_attribute("title"))
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
