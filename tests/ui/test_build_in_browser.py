"""Build as a person uses it, in a real browser: turn knobs, read the cost, queue, come back by the address."""

import re

import pytest
from playwright.sync_api import expect

from kdui.workbench.workbench import Workbench
from tests.ui.served import served

PATIENCE_MS = 60_000

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


@pytest.fixture
def bench(settings):
    bench = LensedWorkbench(settings)
    yield bench
    bench.close()


@pytest.fixture
def address(bench):
    with served(bench) as address:
        yield address


@pytest.fixture
def page(browser, address):
    """A page that fails the test when its script does or when it asks another machine for anything."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda problem: wrong.append(str(problem)))
    page.on("request", lambda request: None if request.url.startswith((address, "data:", "blob:")) else wrong.append(request.url))
    yield page
    page.close()
    assert wrong == []


def says(page, lens):
    return page.locator(f'.lens[data-lens="{lens}"] .lens-says')


def turn(page, knob, value):
    page.locator(f"#knob-{knob} input[type=range]").fill(str(value))


def test_knobs_answer_in_the_browser_and_reach_the_command(page, address):
    page.goto(address)
    expect(says(page, "temperature")).to_contain_text("money-fx in this interest")
    page.evaluate("window.mounted = document.querySelector('.lens[data-lens=temperature] .lens-plot')")
    turn(page, "distill-temperature", 20)
    expect(says(page, "temperature")).to_contain_text("Nearly flat")
    expect(page.locator("#build-command textarea")).to_have_value(re.compile(r"--set distill.temperature=20"))
    turn(page, "prune-sparsity", 75)
    cut = "Zeroes the 75 of 100 weights: those under 0.75 of their layer's root mean square."
    expect(says(page, "sparsity")).to_have_text(cut)
    turn(page, "quantize-bits", 3)
    expect(says(page, "bits")).to_contain_text("7 levels")
    number = page.locator("#knob-distill-temperature").get_by_label("number input for Temperature")
    number.fill("99")
    expect(number).to_have_value("20")
    number.fill("0")
    number.press("Tab")
    expect(number).to_have_value("1")
    expect(says(page, "temperature")).to_contain_text("The teacher's plain answer: 98")
    page.get_by_role("button", name="Next example").click()
    expect(page.locator('.lens[data-lens="temperature"]')).to_contain_text("wheat credits")
    assert page.evaluate("window.mounted === document.querySelector('.lens[data-lens=temperature] .lens-plot')")


def test_a_method_is_chosen_by_keyboard_and_what_does_not_fit_is_refused_before_queueing(page, address, bench):
    page.goto(address)
    method = page.get_by_label("What the student learns from")
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    method.focus()
    method.press("D")  # as in any native list: the first letters find an entry
    method.press("e")
    expect(method).to_have_value("dkd")
    expect(page.locator("#distiller-about")).to_contain_text("Zhao et al. 2022")
    expect(page.get_by_label("Non-target-class weight")).to_have_value("4")
    expect(page.locator(".diagram:visible .flow")).to_have_text("target | non-target")
    turn(page, "distill-temperature", 9)
    page.get_by_text("The same as YAML").click()
    expect(page.locator("#build-yaml textarea")).to_have_value(re.compile(r"- dkd: \{.*temperature: 9"))
    method.select_option("minilm_relations")
    expect(page.locator("#distiller-about .note")).to_contain_text("matches self-attention")
    expect(page.locator("#build-cost [role=alert]")).to_contain_text("matches self-attention")
    expect(page.get_by_role("button", name="Queue run")).to_be_disabled()
    assert bench.runs().total == 0
    method.select_option("distill")
    expect(page.get_by_label("Non-target-class weight")).to_have_count(0)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    expect(page.locator("#knob-assistant-model")).to_have_count(0)
    page.locator("#use-assistant input").check()
    expect(page.locator("#knob-assistant-model textarea")).to_have_attribute("placeholder", "cnn-medium")
    expect(page.locator("#build-yaml textarea")).to_have_value(re.compile("- assistant\\n"))


def test_a_run_is_queued_and_opened_and_the_way_back_leads_to_build(page, address, bench):
    page.goto(address)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    page.get_by_role("button", name="Queue run").click()
    page.locator("#build-status a").click()
    run = bench.runs().rows[0]
    expect(page).to_have_url(re.compile(f"tab=runs&run={run.id}"))
    expect(page.locator("#chip-queue")).to_have_text(
        "Queue stands · 0 running · 1 queued: Nothing starts new runs at the moment"
    )  # the bench has no dispatcher
    page.go_back()
    expect(page.get_by_role("tab", name="Build")).to_have_attribute("aria-selected", "true")


def test_the_address_brings_a_recipe_back_and_wrong_input_is_answered_in_words(page, address):
    page.goto(f"{address}?from=fashion-cnn")
    expect(page.get_by_label("Task", exact=True)).to_have_value("Fashion-MNIST")
    page.locator("#knob-distill-epochs input").fill("-3")
    expect(page.locator("#build-cost [role=alert]")).to_contain_text("Epochs must be 0 to 1000 (got -3)")
    page.get_by_text("The same as YAML").click()
    page.locator("#build-yaml textarea").fill("task: [oops")
    page.get_by_role("button", name="Load this YAML").click()
    expect(page.locator(".toast-body")).to_contain_text("not valid YAML")


def choose(page, role, text):
    """Write into a list of models, as one who knows the name does."""
    field = page.locator(f"#build-{role} input")
    field.fill(text)
    field.press("Enter")


def test_a_students_options_are_fields_and_a_bad_value_is_refused_at_once(page, address, bench):
    page.goto(address)
    yaml, options = page.locator("#build-yaml textarea"), page.locator("#build-options")
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    before = page.locator("table.cost tr", has_text="Parameters").inner_text()
    turn(page, "distill-temperature", 9)
    page.get_by_text("The same as YAML").click()
    options.locator("summary").click()
    expect(options.get_by_role("spinbutton")).to_have_count(3)
    width = options.get_by_label("Width")
    expect(width).to_have_value("8")
    width.fill("12")
    expect(yaml).to_have_value(re.compile(r"student: cnn-small\?width=12\n(.*\n)*.*temperature: 9"))
    expect(options.locator("summary")).to_have_text("Options: width 12")
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    assert page.locator("table.cost tr", has_text="Parameters").inner_text() != before
    width.fill("0")
    expect(options.locator(".wrong:visible")).to_have_text("Write a whole number from 1 to 512.")
    expect(page.locator("#build-cost [role=alert]")).to_contain_text("option width is 0, but: input should be greater")
    expect(page.get_by_role("button", name="Queue run")).to_be_disabled()
    assert bench.runs().total == 0
    width.fill("8")
    expect(yaml).to_have_value(re.compile(r"student: cnn-small\n"))
    expect(options.locator(".wrong:visible")).to_have_count(0)
    choose(page, "student", "resnet-tiny?blocks=2")
    expect(page.locator("#build-student input")).to_have_value("ResNet tiny")
    expect(options.get_by_label("Blocks")).to_have_value("2")
    expect(options.locator("summary")).to_have_text("Options: blocks 2")
    expect(yaml).to_have_value(re.compile(r"student: resnet-tiny\?blocks=2\n"))


def test_students_without_a_teacher_and_an_untrained_teacher(page, address, bench):
    page.goto(address)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    page.locator("#use-teach input").uncheck()
    expect(page.locator("#build-cost [role=alert]")).to_contain_text(
        "CNN medium is not trained yet. Put a 'teach' stage before it"
    )
    page.locator("#build-teacher input").click()
    page.get_by_role("option", name="No teacher").click()
    expect(page.get_by_label("What the student learns from")).to_have_value("mutual")
    expect(page.locator("#build-teacher input")).to_have_value("No teacher")
    expect(page.locator("#use-teach input")).not_to_be_checked()
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    page.get_by_role("button", name="Queue run").click()
    expect(page.locator("#build-status .win")).to_contain_text("Queued")
    queued = bench.run(bench.runs().rows[0].id).run.recipe
    assert (queued.teacher, queued.stages[0].method) == (None, "mutual")
    choose(page, "teacher", "cnn-medium")
    expect(page.locator("#use-teach input")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_until_a_person_chooses(browser, address, scheme):
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(address)
    body = page.locator("body")
    expect(page.locator("#theme-switch")).to_be_visible(timeout=PATIENCE_MS)
    expect(body).to_have_class(re.compile("dark") if scheme == "dark" else re.compile("^(?!.*dark)"))
    page.locator("#theme-switch").click()
    expect(body).to_have_class(re.compile("^(?!.*dark)"))
    page.locator("#theme-switch").click()
    expect(body).to_have_class(re.compile("dark"))
    page.reload()
    expect(body).to_have_class(re.compile("dark"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def command(page):
    return page.locator("#build-command textarea")


def pick(page, role, title):
    page.locator(f"#build-{role} input").click()
    page.get_by_role("option", name=title, exact=True).click()


def asked(page):
    """Requests from now on, but those that only look at the queue."""
    found: list[str] = []

    def note(request):
        if request.method == "POST" and len(request.post_data or "") > 1500:  # a form; the queue is asked for with less
            found.append(request.url)

    page.on("request", note)
    return found


def test_leaving_a_list_as_it_was_changes_nothing(page, address):
    page.goto(address)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    turn(page, "distill-temperature", 7)
    expect(command(page)).to_have_value(re.compile("distill.temperature=7"))
    requests = asked(page)
    for role in ("start", "task", "teacher", "student"):
        field = page.locator(f"#build-{role} input")
        shown = field.input_value()
        for leave in ("elsewhere", "escape", "tab"):
            field.click()
            if leave == "elsewhere":
                page.locator("h2.label").first.click()
            elif leave == "escape":
                field.press("Escape")
                page.locator("h2.label").first.click()
            else:
                field.press("Tab")
            expect(field).to_have_value(shown)
    turn(page, "prune-sparsity", 75)  # what comes after it was not overtaken by anything
    expect(command(page)).to_have_value(re.compile(r"distill.temperature=7.*\n.*prune.sparsity=0.75"))
    assert len(requests) == 1
    page.reload()  # nothing is lost, and the address is a link
    expect(command(page)).to_have_value(re.compile(r"distill.temperature=7.*\n.*prune.sparsity=0.75"))
    expect(page.locator("#build-edited")).to_contain_text("edited")
    page.locator("#build-edited").get_by_role("button", name="Reset").click()
    expect(command(page)).to_have_value("python app.py run quickstart")
    expect(page).to_have_url(re.compile("from=quickstart"))


def test_another_model_or_task_is_one_request_and_what_was_decided_stays_or_comes_back(page, address):
    page.goto(address)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    turn(page, "distill-temperature", 7)
    expect(page).to_have_url(re.compile("recipe=quickstart"))
    requests = asked(page)
    pick(page, "student", "ResNet tiny")
    expect(command(page)).to_have_value(re.compile(r"student=resnet-tiny.*\n.*distill.temperature=7"))
    pick(page, "teacher", "ResNet-8")
    expect(command(page)).to_have_value(re.compile(r"teacher=resnet-8.*\n.*student=resnet-tiny.*\n.*distill.temperature=7"))
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    assert len(requests) == 2
    pick(page, "task", "Fashion-MNIST")
    expect(page.locator("#build-start input")).to_have_value("Fashion-MNIST, CNN to slim ResNet")
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    expect(page.locator("#build-notice")).to_contain_text("Your changes to “Quickstart on digits” were put aside.")
    assert len(requests) == 3
    page.locator("#build-notice").get_by_role("button", name="Undo").click()
    expect(command(page)).to_have_value(re.compile(r"teacher=resnet-8.*\n.*student=resnet-tiny.*\n.*distill.temperature=7"))
    pick(page, "teacher", "No teacher")
    expect(page.locator("#build-notice")).to_contain_text(
        "Mutual learning takes the place of soft targets, which needs a teacher."
    )


def test_a_problem_is_said_once_leads_to_its_field_and_goes_when_it_is_mended(page, address, bench):
    page.goto(address)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    choose(page, "student", "garbage")
    problem = page.locator("#build-cost [role=alert]")
    expect(problem).to_contain_text("There is no model called 'garbage'. This task has CNN small, CNN tiny or ResNet tiny")
    expect(page.get_by_text("There is no model called")).to_have_count(1)
    queue = page.get_by_role("button", name="Queue run")
    expect(queue).to_be_disabled()
    problem.get_by_role("link", name="Go to Student").click()
    expect(page.locator("#build-student input")).to_be_focused()
    expect(page.locator("#build-student input")).to_have_attribute("aria-invalid", "true")
    choose(page, "student", "resnet tiny")
    expect(problem).to_contain_text("Did you mean ResNet tiny, SE-ResNet tiny or CNN tiny?")
    page.locator("#build-student input").click()
    page.locator("#build-student input").fill("")
    pick(page, "start", "Quickstart on digits")
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    expect(page.get_by_text("There is no model called")).to_have_count(0)
    expect(page.locator(".wrong-field")).to_have_count(0)
    expect(queue).to_be_enabled()


def test_a_recipe_of_a_persons_own_is_not_replaced_unasked_and_the_command_works_as_copied(page, address, bench):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(address)
    expect(page.locator("table.cost")).to_contain_text("Parameters")
    page.locator("#use-prune input").uncheck()
    expect(command(page)).to_have_value(
        re.compile(r"cat > recipe.yaml <<'END_OF_RECIPE'\n(.*\n)+END_OF_RECIPE\npython app.py run recipe.yaml$")
    )
    page.get_by_role("button", name="Save recipe").click()
    page.locator("#save-name textarea").fill("Mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#build-status .win")).to_contain_text("Saved as “mine”")
    expect(command(page)).to_have_value(re.compile("END_OF_RECIPE"))
    page.locator("#use-prune input").check()
    expect(page.locator("#build-status .win")).to_have_count(0)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#build-status [role=alert]")).to_contain_text("You have saved a recipe as 'mine' before.")
    assert [stage.method for stage in bench.recipe("mine").stages].count("prune") == 0
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator("#build-status .win")).to_contain_text("Saved as “mine”")
    assert [stage.method for stage in bench.recipe("mine").stages].count("prune") == 1


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844), (1440, 900)])
def test_the_buttons_are_at_hand_and_the_header_covers_what_is_scrolled(page, address, bench, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address)
    expect(page.locator("#build-sum")).to_contain_text("About")
    page.mouse.move(width / 2, height / 2)
    page.mouse.wheel(0, 900)
    page.wait_for_function("scrollY > 300")
    box = page.get_by_role("button", name="Queue run").bounding_box()
    assert box["y"] > 0 and box["y"] + box["height"] <= height, box
    covered = page.evaluate("""() => [...document.querySelectorAll('#tab-build [data-testid="block-info"]')].map((label) => {
        const box = label.getBoundingClientRect();
        scrollBy(0, box.top - 20);
        const { left, top } = label.getBoundingClientRect();
        if (top > 58 || !box.width) return true;
        return document.elementFromPoint(left + 3, top + 8).closest('#kdui-header, .tab-wrapper') !== null;
    })""")
    assert covered and all(covered)
    page.get_by_role("button", name="Queue run").click()
    expect(page.locator("#build-status .win")).to_be_in_viewport()
    expect(page.locator("#build-status .win")).to_contain_text("Watch")
