"""Pins of Explore: the Pareto chart, the winner in words, the table of models, gains, layers and evidence."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kdui.charts.evidence_chart import CHARTS, controls
from kdui.core.errors import KduiError
from kdui.core.presentation import Content
from kdui.ui.explore import ExploreCalls
from kdui.ui.explore_evidence import EvidenceCalls
from kdui.ui.explore_gains import GainCalls
from kdui.ui.explore_linked import LinkedCalls
from kdui.ui.explore_sensitivity import LayerCalls
from kdui.ui.pins.seen import Look, Seen, chart_of, kept, of_run, of_task
from kdui.ui.plain_blocks import plain_blocks

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


@lru_cache(maxsize=1)
def _calls(workbench: "Workbench") -> ExploreCalls:
    """One for all looks: what it works out of ten thousand runs is kept."""
    return ExploreCalls(workbench)


def _overview(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    """``pareto``, ``best`` and ``models``: one question to the server, three things to show of it."""
    own = kept(view, "task", "x", "budget", "narrow", "sort", "down", "page")
    told = _calls(workbench).explore_view(own)
    if told.get("empty"):
        raise KduiError("Nothing is measured on this task yet, so there is nothing to pin.")
    runs, digests = of_task(workbench, str(view["task"]))
    if place == "pareto":
        return Seen(chart_of(told, [told["missing"]] if told["missing"] else ()), {**own, "x": told["x"]}, runs, digests)
    if place == "models":
        _, tables = plain_blocks(told["table"])
        return Seen(Content(title=told["title"], subtitle=told["subtitle"] or "", tables=tables), own, runs, digests)
    lines = plain_blocks(told["winner"])[0] + plain_blocks(told["gain"])[0]
    return Seen(Content(title=told["title"], lines=lines), own, runs, digests)


def _gains(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "pair", "quantity")
    told = GainCalls(workbench).explore_gains(own)
    return Seen(chart_of(told[place]), {**own, "pair": told["pair"]}, *of_task(workbench, str(view["task"])))


def _layers(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "model", "method", "quantity")
    told = LayerCalls(workbench).explore_layers(own)
    content = chart_of(told[place])
    return Seen(content, {**own, "model": told["model"], "method": told["method"]}, (), (told["model"],))


def _evidence(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    own = kept(view, "task", "run", *controls())
    told = EvidenceCalls(workbench).explore_evidence(own)
    chart, run = CHARTS[place], str(told["run"])
    content = chart_of(told[place], plain_blocks(str(told[place].get("text", "")))[0])
    chosen = {control.name: str(told[control.name]) for control in (chart.choice, chart.slider) if control}
    return Seen(content, {"task": own["task"], "run": run, **chosen}, *of_run(workbench, run))


def _linked(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    linked = LinkedCalls(_calls(workbench))
    if place == "all-tasks":
        own = kept(view, "by")
        return Seen(chart_of(linked.explore_tasks(own)), own)
    own = kept(view, "task", "x", "narrow")
    return Seen(chart_of(linked.explore_parallel(own)), own, *of_task(workbench, str(view["task"])))


PLACES: dict[str, Look] = {
    "pareto": _overview,
    "best": _overview,
    "models": _overview,
    "parallel": _linked,
    "all-tasks": _linked,
    "gains": _gains,
    "grid": _gains,
    "layers": _layers,
    **dict.fromkeys(CHARTS, _evidence),
}
