"""What a chart of one run's models must say of itself: a module of ``kdui/charts/evidence`` that defines CHART is on Explore."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kdui.core.registry import Registry

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from kdui.core.metric import Metric

MEASURE = 'In <a href="?tab=build">Build</a>, open <b>Measure</b>'  # where a remedy begins


class Look(NamedTuple):
    """What a figure is drawn for: ``about`` names task and run, ``chosen`` and ``bound`` are what its list and slider say."""

    about: str
    metric: Metric
    chosen: str
    bound: float = 0.0


class Slider(NamedTuple):
    """A number above a chart, from 0 to ``most``; the title reads on to the number and its unit."""

    name: str
    title: str
    unit: str
    most: float
    step: float
    start: float


@dataclass(frozen=True)
class Choice:
    """A list above a chart. ``values`` gives (value, title) pairs out of the chart's rows, ``start`` the one to begin with."""

    name: str
    title: str
    values: Callable[[pd.DataFrame], list[tuple[str, str]]]
    start: Callable[[pd.DataFrame], str]


@dataclass(frozen=True)
class EvidenceChart:
    """A chart on Explore: the question under which it stands, the frame that it draws, and what to do where that is empty.

    ``frame`` names one of ``Workbench.evidence``; ``measurements`` has a row for each number of each model. ``rows`` takes those
    that the figure shows; where there are none, ``empty`` (a title) and ``remedy`` (HTML) stand in its place.
    """

    name: str
    word: str  # in the line that lists what was not measured
    question: str  # charts of one question stand together, questions in the order of their first chart
    order: int
    frame: str
    empty: str
    remedy: str
    draw: Callable[[pd.DataFrame, Look], go.Figure]
    rows: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame
    lines: Callable[[pd.DataFrame, Look], list[str]] | None = None  # sentences below, of the whole frame
    choice: Choice | None = None
    slider: Slider | None = None
    of_quality: bool = True  # its title mentions quality, which means nothing where nothing was learned


CHARTS: Registry[EvidenceChart] = Registry("kdui.charts.evidence", "chart", "CHART", file="")


def controls() -> list[str]:
    """The names of all lists and sliders that charts have."""
    return [control.name for chart in in_order() for control in (chart.choice, chart.slider) if control]


def in_order() -> list[EvidenceChart]:
    """All charts as they stand on the page."""
    return sorted(CHARTS.values(), key=lambda chart: (chart.order, chart.name))
