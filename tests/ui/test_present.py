"""Pins, presentations and what is written of them, over a stocked store; texts of pins are hostile."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from kdui.cli.present import write_presentation
from kdui.core.errors import KduiError, StateConflict
from kdui.core.measurement import Origin
from kdui.settings import Settings
from kdui.ui.deck_file import MOST_BYTES, deck_html
from kdui.ui.model_card import model_card
from kdui.ui.page import plotly_script
from kdui.ui.pin import PinCalls
from kdui.ui.pins.pinner import look, shown
from kdui.ui.present import PresentCalls
from kdui.workbench.decision import Decide, _harm
from tests.ui.stocked import StockedWorkbench
from tests.ui.test_explore_evidence import FRAMES

HOSTILE = """</script><script>alert(1)</script><img src=x onerror=alert(1)>"'|[a](javascript:alert(1))`=1+1"""
TASK = {"task": "digits"}


class Evident(StockedWorkbench):
    """Its runs have been looked at in every way."""

    def evidence(self, run):
        return FRAMES


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Evident(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    bench.run_id = bench.stock(name=f"Digits {HOSTILE}").id
    return bench


@pytest.fixture
def calls(bench):
    yield PresentCalls(bench)
    for name in bench.store.presentations.names():
        bench.store.presentations.remove(name)


def pin(bench, place, view=TASK, deck="Board"):
    return PinCalls(bench).pin({"deck": deck, "place": place, "view": view})


def numbers(packed):
    """The values of a trace; Plotly packs arrays as base64."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).tolist() if isinstance(packed, dict) else packed


def pinned(bench, deck="Board"):
    return bench.store.presentations.get(deck).pins


def test_every_tab_has_something_to_pin_and_a_pin_says_where_it_comes_from(bench, calls):
    run, models = {"run": bench.run_id}, ["teach-0", "distill-0"]
    request = {"task": "digits", "models": models, "pixels": [[0, 255], [9, 9]], "truth": "7"}
    for place in ("pareto", "best", "models", "gains", "harm", "flips", "kernels"):
        pin(bench, place)
    for place in ("results", "decision"):
        pin(bench, place, run)
    pin(bench, "answers", request)
    pin(bench, "disagreements", {"task": "digits", "first": models[0], "other": models[1]})
    by_place = {each.place: each for each in pinned(bench)}
    assert len(by_place) == 11
    traces = json.loads(by_place["pareto"].content.figure)["data"]
    assert {97.6, 96.8, 95.6, 96.5} == {value for trace in traces if trace.get("customdata") for value in numbers(trace["y"])}
    assert by_place["models"].content.tables[0].rows[1][:2] == ("The student · Student", "96.8 ± 1.0 % ●")
    assert by_place["answers"].content.title == "All agree: 7. The truth is 7."
    assert by_place["answers"].content.picture.startswith("data:image/png;base64,")
    assert by_place["disagreements"].content.tables[0].rows == (("7 predicted as 1", "31"),)
    for each in by_place.values():
        assert each.source.runs[0].id == bench.run_id and each.source.version and re.match(r"\d{4}-\d\d-\d\d", each.source.date)
        assert each.source.runs[0].command.startswith(("python app.py run quickstart", "cat > recipe.yaml"))
    assert by_place["answers"].source.digests == tuple(models) and "pixels" not in by_place["answers"].source.settings


def test_what_cannot_be_pinned_is_told(bench, calls):
    for place, view, words in [
        ("grid", TASK, "no chart to pin here yet"),
        ("secrets", TASK, "no thing to pin called"),
        ("pareto", {"task": "nothing"}, "no task called"),
        ("pareto", {"task": "books"}, "Nothing is measured"),
        ("results", {"run": "../../x"}, "no run called"),
        ("answers", {**TASK, "models": ["gone"], "text": "x"}, "no longer in the store"),
        ("answers", {**TASK, "models": ["teach-0"], "text": "x" * 400_000}, "too large"),
    ]:
        with pytest.raises(KduiError, match=words):
            pin(bench, place, view)
    assert bench.store.presentations.names() == []


def test_order_words_removal_and_undo_are_one_arrangement(bench, calls):
    for place in ("pareto", "best", "models"):
        pin(bench, place)
    message = calls.present_start({"deck": "Board"})
    first, second, third = message["slides"]
    wish = [{"id": third["id"], "title": "Mine", "notes": "Slowly", "live": True}, {"id": first["id"]}]
    after = calls.present_arrange({"deck": "Board", "revision": message["revision"], "slides": wish})
    assert [each["id"] for each in after["slides"]] == [third["id"], first["id"]]
    assert after["slides"][0]["heading"] == "Mine" and pinned(bench)[0].notes == "Slowly"
    with pytest.raises(StateConflict, match="another window"):
        calls.present_arrange({"deck": "Board", "revision": message["revision"], "slides": []})
    before = [{"id": each["id"]} for each in message["slides"]]
    again = calls.present_arrange({"deck": "Board", "revision": after["revision"], "slides": before})
    assert [each["id"] for each in again["slides"]] == [each["id"] for each in message["slides"]]  # the removed one came back
    PinCalls(bench).unpin({"deck": "Board", "id": third["id"]})
    assert [each.id for each in pinned(bench)] == [first["id"], second["id"]]


def test_a_live_slide_follows_the_store_and_a_frozen_one_does_not(bench, calls):
    pin(bench, "models", {"task": "digits"})
    frozen = pinned(bench)[0]
    live = frozen.model_copy(update={"live": True})
    bench.stock(name="More", bits=4)
    assert shown(bench, frozen) == frozen
    assert len(shown(bench, live).content.tables[0].rows) > len(frozen.content.tables[0].rows)
    gone = live.model_copy(update={"place": "results", "view": {"run": "deadbeef"}})
    assert "Could not be computed again" in shown(bench, gone).content.subtitle
    assert shown(bench, gone).content.tables == frozen.content.tables


def scripts_of(text):
    return re.findall(r"<script(?! type=\"application)[^>]*>(.*?)</script>", text, flags=re.S)


def test_the_file_runs_only_its_own_scripts_and_names_no_other_place(bench, calls):
    pin(bench, "pareto")
    pin(bench, "results", {"run": bench.run_id})
    message = calls.present_start({"deck": "Board"})
    words = {"title": HOSTILE, "sentence": HOSTILE, "notes": "Whispered"}
    slides = [{"id": each["id"], **words} for each in message["slides"]]
    calls.present_arrange({"deck": "Board", "revision": message["revision"], "slides": slides})
    calls.present_name({"deck": "Board", "to": HOSTILE[:80], "act": "rename"})
    text = deck_html(bench, HOSTILE[:80], plotly_script())
    assert len(text.encode()) < MOST_BYTES and "Whispered" not in text
    allowed = re.search(r"script-src ([^\"]*)\"", text).group(1)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts_of(text)]
    assert allowed.split() == [f"'sha256-{digest}'" for digest in digests] and len(digests) == 2
    markup = text.partition("<body")[2].partition("<script")[0]
    assert "<img src=x" not in markup and "&lt;img src=x" in markup
    assert not re.findall(r"""(?:src|href|action)=["'](?!data:)""", markup)
    assert "python app.py run quickstart" in markup or "END_OF_RECIPE" in markup
    figures = json.loads(re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, flags=re.S).group(1))
    assert list(figures.values()) == [pinned(bench, HOSTILE[:80])[0].content.figure]


def test_a_model_card_is_plain_markdown(bench, calls):
    text = model_card(bench, Decide(run=bench.run_id))
    assert text.startswith("# Model card: compressed 8-bit instead of The teacher")
    assert "96.5" in text and "## For whom" in text and "○" in text
    prose = re.sub(r"^(`{3,})sh\n.*?^\1$", "", text, flags=re.S | re.M)
    assert not re.search(r"(?<!\\)<\w|(?<!\\)\[\w", prose)  # no HTML, no link
    rows = [line for line in prose.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows) and len(rows) > 8


def test_files_are_written_in_the_language_of_the_page(bench, calls):
    for place in ("pareto", "models"):
        pin(bench, place)
    card = calls.present_card({"run": bench.run_id, "language": "zh"})["text"]
    assert card.startswith("# 模型卡：") and "## 对谁" in card and "| 准确率 | 97.6 % ● |" in card
    assert calls.present_card({"run": bench.run_id})["text"] == model_card(bench, Decide(run=bench.run_id))
    message = calls.present_start({"deck": "Board"})
    slides = [{"id": each["id"], "title": "Teacher", "sentence": "Accuracy"} for each in message["slides"]]
    calls.present_arrange({"deck": "Board", "revision": message["revision"], "slides": slides})
    text = deck_html(bench, "Board", plotly_script(), "zh")
    assert '<span translate="no">Teacher</span>' in text and '<p class="sentence" translate="no">Accuracy</p>' in text
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts_of(text)]
    assert all(digest in text for digest in digests)
    assert '<html lang="zh-CN">' in text and re.search(r">冻结</span> · \d 个运行 · ", text) and ">下一页 ›</button>" in text
    figure = json.loads(re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, flags=re.S).group(1))
    made = json.loads(next(iter(figure.values())))
    own = json.loads(pinned(bench)[0].content.figure)
    assert [trace["y"] for trace in made["data"]] == [trace["y"] for trace in own["data"]]
    assert "准确率" in made["layout"]["yaxis"]["title"]["text"]
    assert "python app.py run quickstart" in text or "END_OF_RECIPE" in text  # commands stay


def test_the_command_writes_slides_and_cards(bench, calls, tmp_path):
    pin(bench, "best")
    with pytest.raises(KduiError, match="decides about no model"):
        write_presentation(bench, "Board", tmp_path / "card.md")
    with pytest.raises(KduiError, match=r"\.html, \.pptx or \.md"):
        write_presentation(bench, "Board", tmp_path / "slides.odp")
    with pytest.raises(KduiError, match="no presentation called"):
        write_presentation(bench, "Bored", tmp_path / "slides.html")
    pin(bench, "decision", {"run": bench.run_id})
    assert "2 slides" in write_presentation(bench, "Board", tmp_path / "slides.html")
    assert "2 slides for PowerPoint" in write_presentation(bench, "Board", tmp_path / "slides.pptx")
    assert "2 slides" in write_presentation(bench, "Board", tmp_path / "zh.html", "zh")
    assert '<html lang="zh-CN">' in (chinese := (tmp_path / "zh.html").read_text(encoding="utf-8")) and "--language zh" in chinese
    with pytest.raises(KduiError, match="no language called 'fr'"):
        write_presentation(bench, "Board", tmp_path / "fr.html", "fr")
    assert "1 model card." in write_presentation(bench, "Board", tmp_path / "card.md")
    assert "plotly" not in (tmp_path / "slides.html").read_text(encoding="utf-8")[:20_000]  # no chart, so no library
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == model_card(bench, Decide(run=bench.run_id))


def test_the_decision_page_offers_runs_and_their_models(bench, calls):
    message = calls.present_runs({"run": bench.run_id})
    assert message["run"] == bench.run_id and "Teacher" not in message["models"] and "&lt;script&gt;" in message["runs"]
    page = calls.present_decision({"run": bench.run_id, "inputs": {"answers": 3.6e6, "price": 1.0}})["html"]
    assert "16.4 € ○" in page and "0.9 € ○" in page  # 1,000 hours of a ms each
    assert look(bench, "decision", {"run": bench.run_id}).content.badge in page


def test_recall_wears_the_mark_of_the_accuracy_that_it_is_a_part_of(bench, calls):
    marks = {}
    for origin in ("measured", "simulated"):
        run = bench.run(bench.run_id)
        step = next(item.step for item in run.results if item.role == "compressed")
        results = tuple(_with_origin(item, origin) if item.step == step else item for item in run.results)
        table = _harm(bench, run.model_copy(update={"results": results}), next(item for item in results if item.step == step))
        marks[origin] = {row[1].rpartition(" ")[2] for row in table.rows}
    assert marks == {"measured": {"●"}, "simulated": {"◐"}}


def _with_origin(item, origin):
    accuracy = item.measurements["accuracy"]
    made = accuracy.provenance.model_copy(update={"origin": Origin(origin)})
    changed = accuracy.model_copy(update={"provenance": made})
    return item.model_copy(update={"measurements": {**item.measurements, "accuracy": changed}})
