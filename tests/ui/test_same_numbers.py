"""What stands in several places is one number: each model's size, speed, speed-up and headline over all tabs and the terminal."""

import html
import json
import re

import pytest

from kdui.cli.terminal import print_run
from kdui.core.layout import MEASUREMENTS_FILE
from kdui.core.metric import ACCURACY
from kdui.core.numbers import number
from kdui.ui import compare_view
from kdui.ui.compare import CompareCalls
from kdui.ui.explore import ExploreCalls
from kdui.ui.runs import RunCalls
from kdui.workbench.stored_rows import servable
from tests.store.made import artifact
from tests.ui.stocked import MODELS, StockedWorkbench, measured

# What the readings of the stocked models come to, wherever they are shown. The teacher's own reading is 0.98.
SHOWN = {
    "teach": {"headline": "97.6 %", "download": "91.6 MB", "latency": "16.4 ms", "speedup": "1×"},
    "distill": {"headline": "96.8 %", "download": "4.8 MB", "latency": "1.6 ms", "speedup": "10×"},
    "distill.control": {"headline": "95.6 %", "download": "4.8 MB", "latency": "1.6 ms", "speedup": "10×"},
    "quantize": {"headline": "96.5 %", "download": "310 kB", "latency": "0.9 ms", "speedup": "18×"},
}


TITLES = {"headline": "Accuracy", "download": "Download", "latency": "Latency p50", "speedup": "Speed-up"}  # in Runs


def plain(text: str) -> str:
    """Markup as it is read: no tags, no marks, ordinary spaces."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", text)).replace("\u202f", " ").replace("\xa0", " ").replace("●", " ")
    return re.sub(r"\s+", " ", text)


@pytest.fixture
def stocked(settings):
    """A bench and its run, whose models have all the readings that Measure gives."""
    bench = StockedWorkbench(settings)
    run = bench.stock(bits=4)
    rows = {row["step"]: row for row in bench.store.results.rows_of_run(run.id)}
    for step, (role, accuracy, latency, size, packed) in MODELS.items():
        result = [
            measured("accuracy", accuracy, "%"),
            measured("latency_p50", latency, "ms"),
            measured("file_bytes", size * 1.1e6, "B"),
            measured("gzip_bytes", size * 1e6, "B"),
            *([measured("packed_bytes", packed * 1e6, "B")] if packed else []),
            measured("speedup", 0.98 if role == "teacher" else 16.4 / latency, "×"),
        ]
        row = rows[f"measure.{step}"]
        row = {**{name: value for name, value in row.items() if name not in ("id", "run", "step")}, "file_mb": size * 1.1}
        row["speedup"] = 0.98 if role == "teacher" else row["speedup"]
        bench.store.results.record(run.id, f"measure.{step}", result, row)
    return bench, run


def columns_of(table: str) -> dict[str, list[str]]:
    """Row heading -> cells of the run's table of results, without the model's name that a narrow window shows in each."""
    table = re.sub(r'<span class="of .*?</span>', "", table)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table, re.DOTALL)
    return {name: [plain(cell).strip() for cell in re.findall(r"<td.*?>(.*?)</td>", cells, re.DOTALL)] for name, cells in rows}


def test_runs_explore_compare_and_terminal_show_one_number_for_one_thing(stocked, capsys):
    bench, run = stocked
    view = ExploreCalls(bench).explore_view({"task": "digits"})
    table = {plain(row): row for row in re.findall(r"<tr class=.*?</tr>", view["table"], re.DOTALL)}
    hovers = [line for trace in json.loads(view["figure"])["data"] for line in trace.get("customdata") or []]
    results = columns_of(RunCalls(bench).run_detail({"run": run.id})["results"])
    print_run(bench.run(run.id))
    terminal = capsys.readouterr().out
    labels = {row.step.removeprefix("measure."): row.label for row in bench.points("digits").itertuples()}
    for place, (step, wanted) in enumerate(SHOWN.items()):
        (row,) = [text for text in table if labels[step] in text]
        (hover,) = [" · ".join(line[2:4]) for line in hovers if line[1] == labels[step]]
        assert wanted["headline"].split(" ")[0] in row and wanted["headline"] in hover
        for name in ("download", "latency", "speedup"):
            assert wanted[name] in row, (step, name)
            assert wanted[name] in hover, (step, name)
        for name, title in TITLES.items():
            assert results[title][place] == wanted[name], (step, name)
        (line,) = [text for text in terminal.splitlines() if text.startswith(labels[step])]
        for name in ("headline", "download", "latency", "speedup"):
            assert wanted[name] in line, (step, name)


def test_build_estimates_with_the_numbers_that_were_measured(stocked):
    bench, run = stocked
    steps = {step.name: step for step in run.steps}
    for name in ("measure.teach", "measure.quantize"):
        result = bench.store.results.of_run(run.id)[name].values()
        written = json.dumps([item.row() for item in result]).encode()
        artifact(bench.store.artifacts, files={MEASUREMENTS_FILE: written}, digest=steps[name].digest, produces="measurements")
    rows = {row.quantity: row for row in bench.estimate(bench.plan(run.recipe)).rows}
    for name in ("headline", "download", "latency"):
        row = rows[TITLES[name]]
        assert (str(row.teacher_origin), str(row.result_origin)) == ("measured", "measured"), name
        shown = [plain(number(value, row.unit)) for value in (row.teacher, row.result)]
        assert shown == [SHOWN["teach"][name], SHOWN["quantize"][name]]
    assert rows["Accuracy"].result_low is None  # a range is for what nobody has measured


def test_the_winners_card_and_the_title_agree_with_its_row(stocked):
    bench, _ = stocked
    view = ExploreCalls(bench).explore_view({"task": "digits", "budget": {"download_mb": 1}})
    card, wanted = plain(view["winner"]), SHOWN["quantize"]
    assert "310 kB" in view["title"] and "18 times faster" in view["title"]
    assert all(wanted[name] in card for name in ("headline", "download", "latency"))


def test_compare_shows_the_measured_ratio_and_latency_first_and_the_live_reading_after_them(stocked):
    bench, _ = stocked
    models = bench.servable("digits")
    digests = {model.role: model.digest for model in models}
    cards = CompareCalls(bench).compare_ask({"task": "digits", "models": list(digests.values()), "pixels": [[0]]})["cards"]
    message = dict(zip(digests, map(plain, cards.split("<section")[1:]), strict=True))
    for role, step in (("student", "distill"), ("control", "distill.control"), ("compressed", "quantize")):
        wanted = SHOWN[step]
        first, second = (message[role].index(text) for text in (f"{wanted['speedup']} its teacher's speed", "just now"))
        assert first < message[role].index(f"p50 {wanted['latency']}") < second
    assert "speed ·" not in message["teacher"] and "p50 16.4 ms" in message["teacher"]  # itself is what it would be read against
    (unread,) = [model.model_copy(update={"latency_ms": None}) for model in models if model.role == "student"]
    assert "speed not measured" in compare_view.waiting_html([unread], ACCURACY)


def test_compare_names_the_download_and_the_file_that_it_loads(stocked):
    bench, _ = stocked
    by_name = {model.role: model for model in servable("digits", bench.points("digits"), lambda digest: True)}
    assert compare_view.size(by_name["compressed"]).replace("\u202f", " ") == "310 kB download, 5.28 MB unpacked"
    assert "310 kB download" in plain(compare_view.waiting_html([by_name["compressed"]], ACCURACY))
