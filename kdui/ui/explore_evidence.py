"""Explore's look at one run: harm by class, flips, calibration, shift, data from elsewhere, robustness, batches, kernels."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import pandas as pd

from kdui.charts.findings import unlearned
from kdui.charts.flips import comparison_lines, flips_figure
from kdui.charts.harm import harm_figure
from kdui.charts.kernels import fallback_lines, kernels_figure
from kdui.charts.latency_sweep import By, sweep_figure, sweeps_of
from kdui.charts.out_of_domain import elsewhere_figure
from kdui.charts.reliability import reliability_figure
from kdui.charts.robustness import MEAN, corruptions_of, robustness_figure
from kdui.charts.shift import shift_figure, traits_of
from kdui.charts.side_by_side import models_of, subject
from kdui.core.contracts import TaskFacts
from kdui.core.errors import UnknownName
from kdui.core.plain import Frozen
from kdui.ui.chart_frame import chart_frame
from kdui.ui.exports import spreadsheet_csv
from kdui.ui.panel import options

MOST_RUNS = 30
QUESTIONS = {
    "Who is harmed?": ("harm", "flips"),
    "Is it calibrated?": ("reliability",),
    "Does it hold under bad inputs?": ("shift", "elsewhere", "robustness"),
    "Why isn't it faster?": ("sweep", "kernels"),
}
CHARTS = tuple(name for names in QUESTIONS.values() for name in names)
QUALITY = ("harm", "flips", "reliability", "shift", "elsewhere", "robustness")
WITH_TEXT = ("flips", "kernels")
BUILD = 'In <a href="?tab=build">Build</a>, open <b>Measure</b>'
EMPTY = {
    "harm": (
        "No class has been held against the teacher yet",
        "Queue a run with a teacher and a student: Measure compares them.",
    ),
    "flips": (
        "No answer has been held against the teacher's yet",
        "Queue a run with a teacher and a student: Measure compares them.",
    ),
    "reliability": (
        "No probabilities have been measured yet",
        "Queue a run of a task with labels: Measure keeps what models say.",
    ),
    "shift": (
        "No answers have been sorted yet",
        "Queue a run of a task with labels: Measure keeps what models say about each test example.",
    ),
    "elsewhere": (
        "No data from elsewhere have been answered in this run",
        f"{BUILD} and set <b>Examples from elsewhere</b> where the task knows other sources, as film reviews do.",
    ),
    "robustness": (
        "Robustness has not been measured in this run",
        f"{BUILD} and set <b>Robustness examples</b>, e.g. 500: each model then also answers noisy, blurred or mistyped inputs.",
    ),
    "sweep": (
        "Batches have not been timed in this run",
        f"{BUILD} and turn on <b>Speed and memory</b> and <b>Latency sweep</b>, then queue the recipe again.",
    ),
    "kernels": (
        "No kernels have been looked at in this run",
        f"{BUILD} and turn on <b>Speed and memory</b>: it profiles which kernels run, then queue the recipe again.",
    ),
}
SWEEPS = {"batch": "batch size", "tokens": "length of the text"}
SORTED = {"novelty": "how unlike the training data they are", "length": "length"}
FRAMES = {
    "harm": "classes",
    "flips": "comparisons",
    "reliability": "bins",
    "shift": "shift",
    "elsewhere": "elsewhere",
    "robustness": "robustness",
    "sweep": "sweep",
    "kernels": "kernels",
}


class EvidenceWish(Frozen):
    """What the browser wants to see; an empty run is the newest measured one, an empty model the one the run was about."""

    task: str
    run: str = ""
    model: str = ""
    corruption: str = MEAN
    by: By = "batch"
    trait: str = "novelty"


class EvidenceCalls:
    """What the browser can ask about the models of one run."""

    def __init__(self, workbench: Any):
        self.workbench = workbench

    def explore_evidence(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """All charts of a run, and what there is to choose from, in one answer."""
        wish = EvidenceWish.model_validate(asked)
        task, runs, run = self._chosen(wish)
        found = self.workbench.evidence(run) if run else {}
        frames = {name: found.get(frame, pd.DataFrame()) for name, frame in FRAMES.items()}
        models = models_of(frames["harm"]) if len(frames["harm"]) else []
        model = next((each for each in models if each.step == wish.model), subject(models) if models else None)
        corruptions, sweeps = corruptions_of(frames["robustness"]), sweeps_of(frames["sweep"])
        corruption = wish.corruption if wish.corruption in corruptions else MEAN
        traits = traits_of(frames["shift"])
        trait = wish.trait if wish.trait in traits else "novelty"
        by: By = wish.by if wish.by in sweeps else "batch"
        about, metric = f"{task.title} · {dict(runs).get(run, '')}", task.headline
        draws: dict[str, Callable[[pd.DataFrame], Any]] = {
            "harm": lambda frame: harm_figure(model.rows if model else frame, about=about),
            "flips": lambda frame: flips_figure(frame, about=about),
            "reliability": lambda frame: reliability_figure(frame, about=about),
            "shift": lambda frame: shift_figure(frame, trait=trait, about=about),
            "elsewhere": lambda frame: elsewhere_figure(frame, about=about, metric=metric),
            "robustness": lambda frame: robustness_figure(frame, corruption=corruption, about=about, metric=metric),
            "sweep": lambda frame: sweep_figure(frame, by=by, about=about),
            "kernels": lambda frame: kernels_figure(frame, about=about),
        }
        charts = {name: _drawn(name, frames[name], draws[name]) for name in CHARTS}
        if warning := self._unlearned(task, run):
            for name in QUALITY:
                if "figure" in charts[name]:
                    charts[name]["title"] = warning
        charts["flips"]["text"] = _listed(comparison_lines(frames["flips"]))
        charts["kernels"]["text"] = _listed(fallback_lines(frames["kernels"]) if len(frames["kernels"]) else [])
        return {
            **_choices("run", "runs", runs, run),
            **_choices("model", "models", [(each.step, each.label) for each in models], model.step if model else ""),
            **_choices("corruption", "corruptions", [(MEAN, "all, on average"), *_named(corruptions)], corruption),
            **_choices("trait", "traits", [(each, SORTED[each]) for each in traits], trait),
            **_choices("by", "sweeps", [(each, SWEEPS[each]) for each in sweeps], by),
            **charts,
        }

    def explore_evidence_csv(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The rows behind one of the charts, nothing rounded."""
        wish = EvidenceWish.model_validate({key: value for key, value in asked.items() if key != "of"})
        which = str(asked.get("of", "flips"))
        if which not in FRAMES:
            raise UnknownName("chart", which, FRAMES)
        task, _, run = self._chosen(wish)
        frame = self.workbench.evidence(run)[FRAMES[which]] if run else pd.DataFrame()
        return {"name": f"kdui-{task.name}-{which}.csv", "csv": spreadsheet_csv(frame)}

    def _unlearned(self, task: TaskFacts, run: str) -> str:
        """Of a run whose models have learned nothing, that sentence: it takes the place of titles that speak of their quality."""
        points = self.workbench.points(task.name)
        if points.empty or not run:
            return ""
        rows = points[points["run"] == run].rename(columns={"headline_low": "low", "headline_high": "high"})
        return unlearned(rows, task)

    def _chosen(self, wish: EvidenceWish) -> tuple[TaskFacts, list[tuple[str, str]], str]:
        """The task, its measured runs (id, name), newest first, and the chosen one's id; empty where nothing was measured."""
        tasks = {task.name: task for task in self.workbench.tasks()}
        if wish.task not in tasks:
            raise UnknownName("task", wish.task, tasks)
        points = self.workbench.points(wish.task)
        if points.empty:
            return tasks[wish.task], [], ""
        newest = points.drop_duplicates("run").sort_values("created", ascending=False, kind="stable")
        named = [(run, f"{name} · {run}") for run, name in zip(newest["run"], newest["run_name"], strict=True)]
        runs = [pair for number, pair in enumerate(named) if number < MOST_RUNS or pair[0] == wish.run]
        known = dict(runs)
        return tasks[wish.task], runs, wish.run if wish.run in known else runs[0][0]


def _choices(name: str, plural: str, known: list[tuple[str, str]], chosen: str) -> dict[str, str]:
    """The chosen value and the options of a select; no options where there is nothing to choose."""
    return {name: chosen, plural: options(known, chosen) if len(known) > 1 else ""}


def _named(corruptions: list[str]) -> list[tuple[str, str]]:
    return [(name, name.replace("_", " ")) for name in corruptions]


def _drawn(name: str, frame: pd.DataFrame, draw: Callable[[pd.DataFrame], Any]) -> dict[str, Any]:
    """A chart with its title, or what to do to get one."""
    if name == "flips" and len(frame):
        frame = frame[frame["against"] == "teacher"]
    if frame.empty:
        title, note = EMPTY[name]
        return {"title": title, "note": note}
    figure = draw(frame)
    title = figure.layout.title
    return {"figure": figure.to_json(), "title": title.text, "subtitle": title.subtitle.text, "height": figure.layout.height}


def _listed(lines: list[str]) -> str:
    """Sentences as list items."""
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def evidence_markup() -> str:
    """The frame that assets/evidence.js fills."""
    controls = {
        "harm": _select("evidence-model", "Model"),
        "shift": _select("evidence-trait", "Test examples sorted by"),
        "robustness": _select("evidence-corruption", "Inputs made worse by"),
        "sweep": _select("evidence-by", "Over"),
    }
    groups = "".join(
        f'<details class="fold group"{"" if place else " open"}><summary><h3>{question}</h3></summary>'
        '<div class="evidence-charts">'
        + "".join(chart_frame(name, controls.get(name, ""), text=name in WITH_TEXT, heading="h4") for name in names)
        + "</div></details>"
        for place, (question, names) in enumerate(QUESTIONS.items())
    )
    return f"""
  <section class="card evidence" id="evidence" aria-labelledby="evidence-label">
    <div class="bought-head"><h2 class="label" id="evidence-label">What one run's models do differently</h2>
      {_select("evidence-run", "Run")}</div>
    <div id="evidence-message"></div>
    {groups}
    <details class="fold evidence-none" id="evidence-none" hidden><summary></summary><div></div></details>
  </section>"""


def _select(name: str, title: str) -> str:
    return f'<label class="field" hidden><span>{title}</span><select id="{name}"></select></label>'
