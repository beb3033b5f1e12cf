"""The PowerPoint file of a presentation: what the page shows, as native charts, tables and texts that can be edited."""

import io
import json
import re
import zipfile

import pytest
from pptx import Presentation

from kdui.core.presentation import Table
from kdui.settings import Settings
from kdui.ui.powerpoint.deck import deck_pptx
from kdui.ui.powerpoint.native_chart import as_table
from kdui.ui.powerpoint.plotly_figure import plain_text, read_figure
from kdui.ui.present import PresentCalls
from tests.ui.test_present import HOSTILE, Evident, numbers, pin, pinned

CHARTS = ("pareto", "gains", "harm", "flips", "kernels", "reliability", "shift")


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


def opened(bench, name="Board"):
    return list(Presentation(io.BytesIO(deck_pptx(bench, name))).slides)


def texts(slide):
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


def chart(slide):
    return next(shape.chart for shape in slide.shapes if shape.has_chart)


def test_slides_are_written_in_the_language_of_the_page(bench, calls):
    pin(bench, "pareto")
    pin(bench, "models")
    first, second = list(Presentation(io.BytesIO(deck_pptx(bench, "Board", "zh"))).slides)[:2]
    assert "准确率" in chart(first).value_axis.axis_title.text_frame.text
    assert re.search(r"冻结 · \d 个运行 · ", texts(second)) and "产物: " in second.notes_slide.notes_text_frame.text
    table = next(shape.table for shape in second.shapes if shape.has_table)
    assert [cell.text for cell in table.rows[0].cells][:3] == ["模型", "准确率 ↓", "保留率"]


def test_charts_hold_the_numbers_of_the_page(bench, calls):
    for place in CHARTS:
        pin(bench, place)
    slides = opened(bench)
    assert len(slides) >= len(CHARTS)
    pareto = chart(slides[0])
    traces = [trace for trace in json.loads(pinned(bench)[0].content.figure)["data"] if None not in numbers(trace["y"])]
    assert [list(series.values) for series in pareto.plots[0].series] == [pytest.approx(numbers(trace["y"])) for trace in traces]
    assert pareto.category_axis.axis_title.text_frame.text.endswith(("µs", "ms"))  # the page's ticks carry the unit
    bars = [series._element.find("{*}errBars") for series in pareto.plots[0].series]
    assert sum(bar is not None for bar in bars) == sum("error_y" in trace for trace in traces) > 0
    kernels = chart(slides[CHARTS.index("kernels")])
    assert {series.name for series in kernels.plots[0].series} >= {"int8", "fp32"}


def test_texts_are_texts_and_every_figure_says_how_it_is_computed_again(bench, calls):
    pin(bench, "pareto")
    pin(bench, "results", {"run": bench.run_id})
    message = calls.present_start({"deck": "Board"})
    words = {"title": f"\x00{HOSTILE}", "sentence": "=cmd|' /C calc'!A0", "notes": "Slowly"}
    calls.present_arrange(
        {"deck": "Board", "revision": message["revision"], "slides": [{"id": each["id"], **words} for each in message["slides"]]}
    )
    first, *_ = opened(bench)
    assert "alert(1)" in texts(first) and "<script" not in texts(first) and "\x00" not in texts(first)
    notes = first.notes_slide.notes_text_frame.text
    assert notes.startswith("Slowly") and "python app.py run quickstart" in notes and "artifacts:" in notes
    with zipfile.ZipFile(io.BytesIO(deck_pptx(bench, "Board"))) as file:
        books = [name for name in file.namelist() if name.endswith(".xlsx")]
        for name in books:
            with zipfile.ZipFile(io.BytesIO(file.read(name))) as book:
                assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
        assert books and not [name for name in file.namelist() if "External" in str(file.read(name)) and name.endswith(".rels")]
    assert plain_text("=1+1") == " =1+1" and plain_text("a<br>b &lt;c&gt;") == "a b <c>"


def test_a_long_table_goes_on_on_the_next_slide_and_loses_no_row(bench, calls):
    pin(bench, "models")
    deck = bench.store.presentations.get("Board")
    rows = tuple((f"Model {number}", f"{number} %") for number in range(60))
    content = deck.pins[0].content.model_copy(update={"tables": (Table(heads=("Model", "Accuracy"), rows=rows),)})
    pins = (deck.pins[0].model_copy(update={"content": content}),)
    bench.store.presentations.change("Board", lambda before: before.model_copy(update={"pins": pins}), deck.revision)
    slides = opened(bench)
    tables = [shape for slide in slides for shape in slide.shapes if shape.has_table]
    assert [row.cells[0].text for shape in tables for row in list(shape.table.rows)[1:]] == [row[0] for row in rows]
    assert len(tables) > 1 and all(shape.top + shape.height <= 6858000 for shape in tables)
    assert "continued" in texts(slides[-1])


def test_a_heat_map_is_a_table_and_names_of_positions_are_categories():
    layout = {"xaxis": {"title": {"text": "T"}}, "yaxis": {"title": {"text": "α"}}}
    grid = {"data": [{"type": "heatmap", "x": [1, 4], "y": ["0.5", "0.9"], "z": [[1.25, None], [2, 3]]}], "layout": layout}
    table = as_table(read_figure(json.dumps(grid)))
    assert table.heads == ("α \\ T", "1", "4") and table.rows == (("0.9", "2", "3"), ("0.5", "1.25", "–"))
    axis = {"type": "log", "title": {"text": "latency (log)"}, "tickvals": [0.03, 0.5], "ticktext": ["30 µs", "500 µs"]}
    named = {"tickvals": [0, 1], "ticktext": ["cat", "dog"]}
    points = {"data": [{"type": "scatter", "x": [0.04], "y": [0.24]}], "layout": {"xaxis": axis, "yaxis": named}}
    figure = read_figure(json.dumps(points))
    assert figure.x.title == "latency (log), µs" and figure.traces[0].x == [pytest.approx(40)]
    assert figure.y.names == {0.0: "cat", 1.0: "dog"} and as_table(figure) is None
