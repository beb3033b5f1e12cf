"""Build as a person uses it, in a real browser: turn knobs, read the cost, queue, come back by the address."""

import re

import pytest
from playwright.sync_api import expect

from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.tasks.own_files import reviews
from tests.ui.served import served

PATIENCE_MS = 90_000
OPEN = "(values) => kdui.module('navigation.js').then((module) => module.open(values))"  # what a link does

# What a trained teacher and student would give; the lenses' own data path is tested with the serving process.
LENSES = {
    "temperature": {
        "origin": "measured",
        "note": "Answers of a teacher",
        "labels": ["interest", "money-fx", "trade"],
        "examples": [
            {"text": "fed adds reserves", "image": None, "truth": "interest", "logits": [9.0, 5.0, 1.0]},
            {"text": "wheat credits", "image": None, "truth": "trade", "logits": [0.0, 1.0, 8.0]},
        ],
    },
    "weights": {
        "origin": "measured",
        "note": "Weights of a student",
        "edges": [-1.0, -0.5, 0.0, 0.5, 1.0],
        "counts": [10, 40, 40, 10],
        "max_abs": 1.0,
        "total": 100,
        "sample": [0.0, 0.25, 0.5, 0.75, 1.0],
    },
    "soft_weight": {"origin": "none", "note": "", "epochs": [], "soft": [], "hard": []},
}


class LensedWorkbench(Workbench):
    """The real workbench with the lens data of a finished run."""

    def lenses(self, recipe):
        return LENSES


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = LensedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def address(bench):
    with served(bench) as address:
        yield address


@pytest.fixture(scope="module")
def opened(browser, address):
    """One page for all tests here: it fails them when its script does or when it asks another machine for anything."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.wrong, page.asked = [], []
    page.on("pageerror", lambda problem: page.wrong.append(str(problem)))

    def note(request):
        if not request.url.startswith((address, "data:", "blob:")):
            page.wrong.append(request.url)
        if '"build_plan"' in (request.post_data or "") and '"changes":[]' not in request.post_data:
            page.asked.append(request)

    page.on("request", note)
    page.goto(f"{address}?tab=build")
    expect(page.locator("table.cost")).to_contain_text("Parameters", timeout=60_000)
    yield page
    page.close()


@pytest.fixture
def page(opened):
    """That page, with the quickstart as it stands: what a link to it opens, without another load."""
    opened.set_viewport_size({"width": 1440, "height": 900})
    opened.evaluate(OPEN, {"tab": "build", "from": "quickstart"})
    expect(command(opened)).to_have_text("python app.py run quickstart")
    expect(opened.locator("table.cost")).to_contain_text("Parameters")
    opened.asked.clear()
    yield opened
    assert opened.wrong == []


def command(page):
    return page.locator("#build-command")


def yaml(page):
    return page.locator("#build-yaml")


def step(page, name):
    page.locator(f"#open-{name}").click()
    expect(page.locator(f"#open-{name}")).to_have_attribute("aria-expanded", "true")


def add(page, method):
    page.locator("#add-step > summary").click()
    page.locator(f"#add-{method}").click()
    expect(page.locator(f"#open-{method}")).to_have_attribute("aria-expanded", "true")


def remove(page, name):
    step(page, name)
    page.locator("#remove-step").click()
    expect(page.locator(f"#open-{name}")).to_have_count(0)


def says(page, lens):
    return page.locator(f'.lens[data-lens="{lens}"] .lens-says')


def heights(page, lens):
    """Of the front bars of a lens, in pixels, as they are drawn."""
    bars = page.locator(f'.lens[data-lens="{lens}"] .lens-plot .trace.bars').last.locator(".point path")
    expect(bars.first).to_be_visible()
    return bars.evaluate_all("(paths) => paths.map((path) => path.getBBox().height)")


def turn(page, knob, value):
    """Under the hand, as a person drags a slider."""
    page.locator(f'[data-follows="knob-{knob}"]').fill(str(value))


def write(page, role, text):
    """Another model by its name, as one who knows it does."""
    page.locator(f"#build-{role}").select_option("…")
    page.locator(f"#build-{role}-name").fill(text)
    page.locator(f"#build-{role}-name").press("Enter")


def test_knobs_answer_in_the_browser_and_reach_the_command(page):
    expect(says(page, "temperature")).to_contain_text("At T = 4 the teacher gives this “interest” a 24")
    page.evaluate("window.mounted = document.querySelector('.lens[data-lens=temperature] .lens-plot')")
    assert max(heights(page, "temperature")) > 3 * min(heights(page, "temperature"))
    turn(page, "distill-temperature", 19)
    turn(page, "distill-temperature", 20)
    expect(says(page, "temperature")).to_contain_text("Almost uniform at T = 20")
    assert 1 < max(heights(page, "temperature")) / min(heights(page, "temperature")) < 1.6  # the bars have moved
    expect(command(page)).to_contain_text("--set distill.temperature=20")
    number = page.get_by_label("Temperature", exact=True)
    number.fill("99")
    expect(number).to_have_value("20")
    number.fill("0")
    number.press("Tab")
    expect(number).to_have_value("1")
    expect(says(page, "temperature")).to_contain_text("Teacher's prediction at T = 1: “interest” with 98")
    page.get_by_role("button", name="Next example").click()
    expect(page.locator('.lens[data-lens="temperature"]')).to_contain_text("wheat credits")
    step(page, "prune")
    turn(page, "prune-sparsity", 75)
    cut = "Prunes 75 of 100 weights (|w| < 0.75 × layer RMS)."
    expect(says(page, "sparsity")).to_have_text(cut)
    page.get_by_label("Criterion").select_option("random")
    expect(says(page, "sparsity")).to_have_text("Prunes 75 % of 100 weights at random, large ones too.".replace(" %", "\u202f%"))
    step(page, "quantize")
    turn(page, "quantize-bits", 3)
    expect(says(page, "bits")).to_contain_text("7 levels")
    expect(command(page)).to_contain_text("quantize.bits=3")
    step(page, "distill")  # its charts were drawn once and stay
    assert page.evaluate("window.mounted === document.querySelector('.lens[data-lens=temperature] .lens-plot')")
    expect(page.get_by_label("Temperature", exact=True)).to_have_value("1")


def test_an_answer_on_its_way_leaves_the_address_of_a_link_alone(page):
    step(page, "distill")
    held = []

    def hold(route):
        if '"build_plan"' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/*", hold)
    with page.expect_request(lambda request: '"build_plan"' in (request.post_data or "")):
        page.get_by_label("Temperature", exact=True).first.fill("7")
    page.evaluate("history.pushState(null, '', '?tab=build&from=fashion-cnn')")  # a link, before it is followed
    for route in held:
        route.continue_()
    page.unroute("**/*", hold)
    expect(command(page)).to_contain_text("distill.temperature=7")
    assert "from=fashion-cnn" in page.url
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    expect(command(page)).to_have_text("python app.py run fashion-cnn")


def test_a_method_is_chosen_by_keyboard_and_what_does_not_fit_is_refused_before_queueing(page, bench):
    runs = bench.runs().total
    method = page.get_by_label("What the student learns from")
    method.focus()
    method.press("D")  # as in any native list: the first letters find an entry
    method.press("e")
    expect(method).to_have_value("dkd")
    expect(page.locator("#distiller-about")).to_contain_text("Zhao et al. 2022")
    expect(page.get_by_label("Non-target-class weight")).to_have_value("4")
    expect(page.locator(".diagram:visible .flow")).to_have_text("target | non-target")
    turn(page, "dkd-temperature", 9)
    expect(yaml(page)).to_have_value(re.compile(r"- dkd: \{.*temperature: 9"))
    method.select_option("minilm_relations")
    expect(page.locator("#distiller-about .note")).to_contain_text("matches self-attention")
    expect(page.locator("#build-problem")).to_contain_text("matches self-attention")
    expect(page.get_by_role("button", name="Queue run")).to_be_disabled()
    assert bench.runs().total == runs
    method.select_option("distill")
    expect(page.get_by_label("Non-target-class weight")).to_have_count(0)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    add(page, "assistant")
    expect(page.locator("#knob-assistant-model")).to_have_attribute("placeholder", "cnn-medium")
    expect(yaml(page)).to_have_value(re.compile("- assistant\\n"))


def test_a_run_is_queued_and_opened_and_the_way_back_leads_to_build(page, bench):
    page.get_by_role("button", name="Queue run").click()
    page.locator("#build-status a").click()
    run = bench.runs().rows[0]
    expect(page).to_have_url(re.compile(f"tab=runs&.*run={run.id}"))
    expect(page.locator("#chip-queue")).to_contain_text(
        re.compile(r"Queue stopped · 0 running · \d+ queued: Nothing starts new runs at the moment")
    )  # the bench has no dispatcher
    page.go_back()
    expect(page.get_by_role("tab", name="Build")).to_have_attribute("aria-selected", "true")


def test_the_address_brings_a_recipe_back_and_wrong_input_is_answered_in_words(page):
    page.evaluate(OPEN, {"tab": "build", "from": "fashion-cnn"})
    expect(page.locator("#build-task")).to_have_value("fashion-mnist")
    page.locator("#knob-distill-epochs").fill("-3")
    expect(page.locator("#build-problem")).to_contain_text("Epochs must be 0 to 1000 (got -3)")
    assert page.evaluate("document.querySelector('#build-problem').closest('.turn').contains(document.activeElement)")
    page.locator("#build-yaml-fold summary").click()
    yaml(page).fill("task: [oops")
    page.get_by_role("button", name="Load this YAML").click()
    expect(page.locator("#build-status [role=alert]")).to_contain_text("not valid YAML")
    expect(yaml(page)).to_have_value("task: [oops")  # what somebody writes stays


def test_a_students_options_are_fields_and_a_bad_value_is_refused_at_once(page, bench):
    runs, options = bench.runs().total, page.locator("#build-student-options")
    before = page.locator("table.cost tr", has_text="Parameters").text_content() or ""
    turn(page, "distill-temperature", 9)
    options.locator("summary").click()
    expect(options.get_by_role("spinbutton")).to_have_count(3)
    width = options.get_by_label("Width")
    expect(width).to_have_value("8")
    width.fill("12")
    expect(yaml(page)).to_have_value(re.compile(r"student: cnn-small\?width=12\n(.*\n)*.*temperature: 9"))
    expect(options.locator("summary")).to_have_text("Options: width 12")
    expect(page.locator("table.cost")).to_contain_text("Parameters", timeout=60_000)  # once the serving process is up
    expect(page.locator("table.cost tr", has_text="Parameters")).not_to_have_text(before)
    width.fill("0")
    expect(options.locator("#build-problem")).to_contain_text("option width is 0, but: input should be greater")
    expect(page.get_by_role("button", name="Queue run")).to_be_disabled()
    assert bench.runs().total == runs
    width.fill("8")
    expect(yaml(page)).to_have_value(re.compile(r"student: cnn-small\n"))
    expect(page.locator("#build-problem")).to_have_count(0)
    write(page, "student", "resnet-tiny?blocks=2")
    expect(page.locator("#build-student")).to_have_value("resnet-tiny")
    expect(options.get_by_label("Blocks")).to_have_value("2")
    expect(options.locator("summary")).to_have_text("Options: blocks 2")
    expect(yaml(page)).to_have_value(re.compile(r"student: resnet-tiny\?blocks=2\n"))


def test_a_teacher_from_outside_has_fields_for_how_it_is_to_be_read(page):
    write(page, "teacher", "onnx:/nowhere/model.onnx?scale=255")
    fields = page.locator("#build-teacher-options")
    expect(fields.locator("summary")).to_have_text("Options: scale 255")
    expect(page.locator("#build-problem")).to_contain_text("The page reads only files below")
    fields.locator("summary").click()
    fields.get_by_label("Mean").fill("0.5")
    fields.get_by_label("Mean").press("Enter")
    expect(page.locator("#build-teacher-name")).to_have_value("onnx:/nowhere/model.onnx?scale=255&mean=0.5")


def test_students_without_a_teacher_and_an_untrained_teacher(page, bench):
    remove(page, "teach")
    expect(page.locator("#build-problem")).to_contain_text("CNN medium is not trained yet. Put a 'teach' stage before it")
    page.locator("#build-teacher").select_option(label="No teacher")
    expect(page.get_by_label("What the student learns from")).to_have_value("mutual")
    expect(page.locator("#open-teach")).to_have_count(0)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    page.get_by_role("button", name="Queue run").click()
    expect(page.locator("#build-status .win")).to_contain_text("Queued")
    queued = bench.run(bench.runs().rows[0].id).run.recipe
    assert (queued.teacher, queued.stages[0].method) == (None, "mutual")
    page.locator("#build-teacher").select_option(label="CNN medium")
    expect(page.locator("#open-teach")).to_have_count(1)


def test_leaving_a_list_as_it_was_changes_nothing_and_a_reload_loses_nothing(page):
    turn(page, "distill-temperature", 7)
    expect(command(page)).to_contain_text("distill.temperature=7")
    page.asked.clear()
    for role in ("start", "task", "teacher", "student", "method", "compression"):
        field = page.locator(f"#build-{role}")
        shown = field.input_value()
        field.focus()
        field.press("Escape")
        field.press("Tab")
        assert field.input_value() == shown
    step(page, "prune")
    turn(page, "prune-sparsity", 75)
    expect(command(page)).to_have_text(re.compile(r"distill.temperature=7[\s\S]*prune.sparsity=0.75"))
    assert len(page.asked) == 2  # one for the step that was opened, one for the knob
    page.reload()  # nothing is lost, and the address is a link
    expect(command(page)).to_have_text(re.compile(r"distill.temperature=7[\s\S]*prune.sparsity=0.75"))
    expect(page.locator("#open-prune")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#build-edited")).to_contain_text("edited")
    page.locator("#build-edited").get_by_role("button", name="Reset").click()
    expect(command(page)).to_have_text("python app.py run quickstart")
    expect(page).to_have_url(re.compile("from=quickstart"))


def test_another_model_or_task_is_one_request_and_what_was_decided_stays_or_comes_back(page):
    turn(page, "distill-temperature", 7)
    expect(page).to_have_url(re.compile("recipe=quickstart"))
    page.asked.clear()
    page.locator("#build-student").select_option(label="ResNet tiny")
    expect(command(page)).to_have_text(re.compile(r"student=resnet-tiny[\s\S]*distill.temperature=7"))
    page.locator("#build-teacher").select_option(label="ResNet-8")
    decided = re.compile(r"teacher=resnet-8[\s\S]*student=resnet-tiny[\s\S]*distill.temperature=7")
    expect(command(page)).to_have_text(decided)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    assert len(page.asked) == 2
    page.locator("#build-task").select_option(label="Fashion-MNIST")
    expect(page.locator("#build-start")).to_have_value("fashion-cnn")
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    expect(page.locator("#build-notice")).to_contain_text("Your changes to “Soft targets on digits” were put aside.")
    assert len(page.asked) == 3
    page.locator("#build-notice").get_by_role("button", name="Undo").click()
    expect(command(page)).to_have_text(decided)
    page.locator("#build-teacher").select_option(label="No teacher")
    expect(page.locator("#build-notice")).to_contain_text(
        "Mutual learning takes the place of soft targets, which needs a teacher."
    )


def test_undo_goes_back_step_by_step_and_turns_of_one_knob_are_one(page):
    for value in (5, 6, 7):
        turn(page, "distill-temperature", value)
        expect(command(page)).to_contain_text(f"distill.temperature={value}")
    page.locator("#build-student").select_option(label="CNN tiny")
    expect(command(page)).to_contain_text("student=cnn-tiny")
    undo = page.locator("#build-undo")
    undo.click()
    expect(command(page)).not_to_contain_text("student")
    expect(command(page)).to_contain_text("distill.temperature=7")
    page.locator("#build-strip").click()
    page.keyboard.press("Control+z")
    expect(command(page)).to_have_text("python app.py run quickstart")
    expect(page.get_by_label("Temperature", exact=True)).to_have_value("4")


def test_settings_of_all_trainings_and_the_scale_are_set_once(page):
    page.locator("#open-training").click()
    epochs = page.get_by_label("Epochs", exact=True)
    expect(epochs).to_have_value("")
    expect(page.locator(".beside").first).to_have_text("teach: 15, distill: 20")
    epochs.fill("4")
    expect(yaml(page)).to_have_value(re.compile(r"teach: \{.*epochs: 4[\s\S]*distill: \{.*epochs: 4"))
    expect(page.locator("#scale-standard")).to_have_attribute("aria-pressed", "false")
    page.locator("#scale-standard").click()
    expect(command(page)).to_have_text("python app.py run quickstart")
    page.locator("#scale-demo").click()
    expect(page.locator("#scale-demo")).to_have_attribute("aria-pressed", "true")
    expect(command(page)).to_contain_text("distill.epochs=3")
    step(page, "distill")
    page.locator("#knob-distill-epochs").fill("5")
    expect(page.locator("#scale-demo")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#knob-distill-epochs-beside")).to_have_text("In other steps: teach: 3.")


def test_compression_is_one_choice_that_makes_its_steps(page):
    compression = page.locator("#build-compression")
    expect(compression).to_have_value("prune+quantize")
    compression.select_option(label="None")
    expect(page.locator("#open-prune")).to_have_count(0)
    compression.select_option(label="Quantize")
    expect(page.locator("#open-quantize")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#open-prune")).to_have_count(0)
    compression.select_option(label="Prune + Quantize")
    expect(page.locator("#open-prune")).to_have_attribute("aria-expanded", "true")


def test_a_problem_is_said_once_leads_to_its_field_and_goes_when_it_is_mended(page):
    write(page, "student", "garbage")
    problem, field = page.locator("#build-problem"), page.locator("#build-student-name")
    expect(problem).to_contain_text("There is no model called 'garbage'. This task has CNN small, CNN tiny or ResNet tiny")
    expect(page.get_by_text("There is no model called")).to_have_count(1)
    queue = page.get_by_role("button", name="Queue run")
    expect(queue).to_be_disabled()
    page.get_by_role("link", name="Go to Student").click()
    expect(field).to_be_focused()
    expect(page.locator("#build-student")).to_have_attribute("aria-invalid", "true")
    field.fill("resnet tiny")
    field.press("Enter")
    expect(problem).to_contain_text("Did you mean ResNet tiny, SE-ResNet tiny or CNN tiny?")
    page.locator("#build-student").select_option(label="CNN small")
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    expect(page.get_by_text("There is no model called")).to_have_count(0)
    expect(page.locator(".wrong-field")).to_have_count(0)
    expect(queue).to_be_enabled()
    page.locator("#knob-distill-epochs").fill("-3")  # and one in a step that is closed by now
    expect(queue).to_be_disabled()
    step(page, "quantize")
    page.locator("#build-bar").get_by_role("link", name="Go to Epochs").click()
    expect(page.locator("#knob-distill-epochs")).to_be_focused()


def test_a_recipe_of_a_persons_own_is_not_replaced_unasked_and_the_command_works_as_copied(page, bench):
    remove(page, "prune")
    expect(command(page)).to_have_text(
        re.compile(r"cat > recipe.yaml <<'END_OF_RECIPE'\n(.*\n)+END_OF_RECIPE\npython app.py run recipe.yaml$")
    )
    page.get_by_role("button", name="Save recipe").click()
    page.locator("#save-name").fill("Mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#build-status .win")).to_contain_text("Saved as “mine”")
    expect(page.locator("#build-start")).to_have_value("mine")
    expect(command(page)).to_have_text("python app.py run mine")
    add(page, "prune")
    expect(page.locator("#build-status .win")).to_have_count(0)
    page.get_by_role("button", name="Save recipe").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#save-said [role=alert]")).to_contain_text("You have saved a recipe as 'mine' before.")
    assert [stage.method for stage in bench.recipe("mine").stages].count("prune") == 0
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator("#build-status .win")).to_contain_text("Saved as “mine”")
    assert [stage.method for stage in bench.recipe("mine").stages].count("prune") == 1


def test_a_sweep_is_counted_before_it_is_queued(page, bench):
    runs = bench.runs().total
    page.get_by_role("button", name="Queue a sweep…").click()
    dialog = page.locator("#sweep-panel")
    expect(dialog.get_by_label("Setting")).to_have_value("distill.temperature")
    dialog.get_by_label("Values, separated by commas").fill("1 2 4")
    expect(page.locator("#sweep-said [role=alert]")).to_contain_text("Temperature: '1 2 4' is not a number")
    dialog.get_by_label("Values, separated by commas").fill("1, 4")
    dialog.get_by_label("Seeds").fill("3")
    expect(page.locator("#sweep-count")).to_have_text("6 runs · 2 × temperature · 3 seeds each")
    dialog.get_by_label("Difference to see").fill("1")
    expect(page.locator("#sweep-needed")).to_contain_text("To see 1 point takes")
    page.get_by_role("button", name="Queue these runs").click()
    expect(page.locator("#build-status .win")).to_contain_text("6 runs queued")
    assert bench.runs().total == runs + 6


def test_a_table_of_ones_own_is_sent_looked_over_and_becomes_a_task(page, bench):
    rows = [f"{text},{label},{place % 3}" for place, (text, label) in enumerate(reviews(60))]
    page.locator("#build-task").select_option("…")
    dialog = page.locator("#own-panel")
    table = "\n".join(["said,mood,day", *rows, *rows[:2]])
    page.locator("#own-file").set_input_files({"name": "My reviews.csv", "mimeType": "text/csv", "buffer": table.encode()})
    expect(dialog.get_by_role("alert")).to_contain_text("It cannot be told which column holds the label.")
    expect(dialog.get_by_role("button", name="Use these data")).to_be_hidden()
    dialog.get_by_label("Labels").select_option("mood")
    expect(dialog).to_contain_text("Left out: 2 texts that are copies of another one.")
    expect(dialog.get_by_role("row", name="All 42 6 12")).to_be_visible()
    sent = list((bench.settings.home / "uploads").glob("*/My-reviews.csv"))
    assert len(sent) == 1
    dialog.get_by_role("button", name="Use these data").click()
    expect(page.locator("#build-task option:checked")).to_have_text("Own texts: my-reviews")
    expect(page.locator("#build-task-facts")).to_contain_text("42 train · 12 test · 2 classes · text")
    assert not sent[0].exists() and "own-texts:my-reviews@" in yaml(page).input_value()
    page.locator("#build-task").select_option("…")
    page.locator("#own-path").fill("/nowhere/reviews.csv")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The page reads only files below KDUI_HOME")
    dialog.get_by_role("button", name="Close").click()


def test_queue_run_is_few_steps_of_the_keyboard_away(page):
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); document.querySelector('h1').focus()")
    presses = 0
    page.locator("#theme-switch").focus()
    before = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
        .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)
        .findIndex((each) => each.id === 'theme-switch') + 1"""
    )
    while page.evaluate("document.activeElement.id") != "queue-run" and presses < 20:
        page.keyboard.press("Tab")
        presses += 1
    assert before + presses <= 10, (before, presses)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844), (2560, 1440)])
def test_the_buttons_are_at_hand_at_every_width(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    expect(page.locator("#build-sum")).to_contain_text("About")
    page.mouse.move(width / 2, height / 2)
    page.mouse.wheel(0, 900)
    box = page.get_by_role("button", name="Queue run").bounding_box()
    assert box["y"] > 0 and box["y"] + box["height"] <= height, box
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("scrollTo(0, 0)")
    covered = page.evaluate("""() => [...document.querySelectorAll('#tab-build :is(label, h2)')].map((label) => {
        const box = label.getBoundingClientRect();
        scrollBy(0, box.top - 20);
        const { left, top } = label.getBoundingClientRect();
        if (top + 8 > 56 || !box.width) return true;  // below the header
        const over = document.elementFromPoint(left + 3, top + 8);
        return over.closest('#kdui-header, .tab-wrapper') !== null || `${label.textContent}: ${over.outerHTML}`;
    })""")
    assert covered and [where for where in covered if where is not True] == []
    page.get_by_role("button", name="Queue run").click()
    expect(page.locator("#build-status .win")).to_be_in_viewport()
    expect(page.locator("#build-status .win")).to_contain_text("Watch")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_until_a_person_chooses(browser, address, scheme):
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(f"{address}?tab=build")
    body = page.locator("body")
    expect(page.locator("#theme-switch")).to_be_visible(timeout=PATIENCE_MS)
    expect(body).to_have_class(re.compile("dark") if scheme == "dark" else re.compile("^(?!.*dark)"))
    page.locator("#theme-switch").click()
    expect(body).to_have_class(re.compile("^(?!.*dark)"))
    page.locator("#theme-switch").click()
    expect(body).to_have_class(re.compile("dark"))
    page.reload()
    expect(body).to_have_class(re.compile("dark"))
    page.close()
