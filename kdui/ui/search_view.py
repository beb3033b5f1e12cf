"""A search in its family's view: its pick and why, the trials as a chart, and what it was given to search with."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from kdui import machine
from kdui.charts.search_found import Cost, search_figure
from kdui.core.device_profile import parse_profile
from kdui.core.family import Axis, Family
from kdui.core.measurement import Origin
from kdui.core.metric import Metric
from kdui.core.recipe import Recipe
from kdui.core.search import SearchSpec
from kdui.ui.build_actions import searched_axes
from kdui.ui.explore_linked import told
from kdui.workbench.families.rows import metric_of
from kdui.workbench.search.devices import Devices
from kdui.workbench.search.explain import Explanation, aim_words, explain, figures_words, settings_words
from kdui.workbench.search.searching import spec_of
from kdui.workbench.search.side_by_side import DeviceAnswer, answers
from kdui.workbench.search.trials import Trial, trials_of

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_BARS = 8


def found_html(bench: "Workbench", family: Family) -> str:
    """The pick first, then what was tried, what mattered, the front and what comes next; nothing of a sweep."""
    if family.kind != "search":
        return ""
    found, metric = explain(bench.store, family), metric_of(family.task)
    pick = ""
    if found.pick is not None:
        link = _link(found.pick)
        pick = (
            f'<div class="win" role="status"><b>{escape(figures_words(found.pick, metric))}</b> · trial {link}<br>'
            f"{escape(settings_words(found.pick))}</div>"
        )
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in found.sentences)
    beside = devices_html(bench, family, metric)
    return f'{pick}<ul class="lead evidence-text">{said}</ul>{beside}{_bars(found)}{_front(found, metric)}'


def _link(trial: Trial) -> str:
    return f'<a href="?tab=runs&amp;run={escape(trial.run)}">{trial.number + 1}</a>' if trial.run else f"{trial.number + 1}"


def _bars(found: Explanation) -> str:
    """How much each setting mattered, as bars with their numbers."""
    if not found.importance:
        return ""
    rows = "".join(
        f'<tr><th scope="row" class="left">{escape(name)}</th><td class="num">{share:.0%}</td><td class="bar-cell">'
        f'<span class="track thin"><span class="bar-fill student" style="width:{share * 100:.0f}%"></span></span></td></tr>'
        for name, share in list(found.importance.items())[:MOST_BARS]
    )
    return (
        '<details class="fold" id="family-mattered"><summary>Which settings mattered</summary><table class="table">'
        '<caption class="sr-only">Share of each setting in what made the headline good</caption>'
        f"<tbody>{rows}</tbody></table></details>"
    )


def _front(found: Explanation, metric: Metric) -> str:
    if len(found.front) < 2:
        return ""
    rows = "".join(
        f'<tr><th scope="row" class="left">{_link(trial)}</th><td class="left">{escape(settings_words(trial))}</td>'
        f'<td class="num">{escape(figures_words(trial, metric))}</td></tr>'
        for trial in found.front
    )
    return (
        f'<details class="fold" id="family-front"><summary>The front: {len(found.front)} trade-offs</summary>'
        f'<div class="wide"><table class="table"><tbody>{rows}</tbody></table></div></details>'
    )


def found_chart(bench: "Workbench", family: Family, about: str) -> dict[str, Any]:
    """The trials over the cost that is limited, else over their size; a title without a figure where nothing is measured."""
    spec, metric = spec_of(family), metric_of(family.task)
    trials = [trial for trial in trials_of(bench.store, family, spec) if trial.figures is not None]
    pick = explain(bench.store, family).pick
    rows = pd.DataFrame(
        [
            {
                "number": trial.number,
                "run": trial.run or "",
                "fits": trial.fits(spec),
                "known": trial.known,
                "words": f"trial {trial.number + 1}<br>{escape(settings_words(trial))}<br><b>{figures_words(trial, metric)}</b>",
                **(trial.figures.model_dump(include={"headline", "download_mb", "latency_ms"}) if trial.figures else {}),
            }
            for trial in trials
        ],
        columns=["number", "run", "fits", "known", "words", "headline", "download_mb", "latency_ms"],
    )
    cost: Cost = "latency_ms" if spec.latency_ms is not None and spec.download_mb is None else "download_mb"
    words = f"{about} · {aim_words(spec, metric)}"
    number = pick.number if pick else None
    figure = search_figure(rows, cost=cost, limit=getattr(spec, cost), metric=metric, pick=number, about=words)
    return {"title": "", "note": "Nothing is measured yet: trials appear here as they end."} if figure is None else told(figure)


GPU_HERE = "here:cuda"


def search_devices(bench: "Workbench") -> list[tuple[str, str]]:
    """Where a search can judge latency: this machine's processor or GPU as measured, and each profile that lies in the home."""
    gpu = [(GPU_HERE, f"this GPU, measured ({machine.gpus()[0]})")] if machine.gpus() else []
    profiles = [(each.name, f"{each.words}, estimated") for each in Devices(bench.store).known()]
    return [("", "this machine, measured"), *gpu, *profiles]


def keep_profile(bench: "Workbench", text: str) -> None:
    """Keep a file that the browser sent. Raises RecipeError in words for what is no device profile."""
    Devices(bench.store).bring(parse_profile(text, "This file"))


def wished(recipe: Recipe, payload: Mapping[str, Any]) -> tuple[Recipe, list[Axis], SearchSpec]:
    """What Build's dialog asks for, with the recipe to search; raises RecipeError or ValidationError in words."""
    given = {key: value for key, value in payload.items() if key in SearchSpec.model_fields and value not in ("", None)}
    if given.get("device_profile") == GPU_HERE:
        given.pop("device_profile")
        recipe = recipe.with_values({"measure.device": "cuda"})
    return recipe, searched_axes(recipe, str(payload.get("axes") or "")), SearchSpec.model_validate(given)


def devices_html(bench: "Workbench", family: Family, metric: Metric) -> str:
    """The answers for several devices side by side; nothing where this search's is the only one."""
    found = answers(bench.store, family)
    if len(found) < 2:
        return ""
    rows = "".join(_device_row(answer, family, metric) for answer in found)
    sentences = dict.fromkeys(sentence for answer in found for sentence in answer.sentences)
    notes = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return (
        '<details class="fold" id="family-devices" open><summary>The best for each device</summary><div class="wide">'
        '<table class="table"><thead><tr><th scope="col" class="left">Device</th><th scope="col" class="left">Found by</th>'
        '<th scope="col">Keep the limits</th><th scope="col" class="left">Settings</th><th scope="col" class="left">Best</th>'
        f'</tr></thead><tbody>{rows}</tbody></table></div><ul class="sub">{notes}</ul></details>'
    )


def _device_row(answer: DeviceAnswer, family: Family, metric: Metric) -> str:
    how = "these trials"
    if answer.how == "searched":
        link = f'<a href="?tab=runs&amp;family={escape(answer.family)}&amp;run=">its own search</a>'
        how = "this search" if answer.family == family.id else link
    pick = answer.pick
    origin = Origin(answer.latency)
    best = f'{escape(figures_words(pick, metric))} <span title="{origin}">{origin.mark}</span>' if pick else "none"
    return (
        f'<tr><th scope="row" class="left">{escape(answer.device)}</th><td class="left">{how}</td>'
        f'<td class="num">{answer.fitting} / {answer.measured}</td>'
        f'<td class="left">{escape(settings_words(pick)) if pick else ""}</td><td class="left">{best}</td></tr>'
    )
