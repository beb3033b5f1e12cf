"""Native charts: points and lines as XY charts, bars and points beside names as bars, maps as tables of numbers."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pptx.chart.data import CategoryChartData, XyChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_MARKER_STYLE, XL_TICK_LABEL_POSITION
from pptx.enum.dml import MSO_LINE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Length, Pt

from kdui.core.presentation import Table
from kdui.ui.powerpoint.plotly_figure import Axis, Figure, Trace, plain_text

if TYPE_CHECKING:
    from pptx.chart.chart import Chart
    from pptx.slide import Slide

Box = tuple[Length, Length, Length, Length]  # left, top, width, height
TEXT = Pt(12)


def as_table(figure: Figure) -> Table | None:
    """The numbers of a map, which PowerPoint has no chart for; None for other figures."""
    trace = next((trace for trace in figure.traces if trace.z), None)
    if trace is None:
        return None
    heads = (f"{figure.y.title} \\ {figure.x.title}", *(_named(value, figure.x) for value in trace.x))
    rows = [
        (_named(name, figure.y), *("–" if value is None or value != value else f"{value:.4g}" for value in row))
        for name, row in zip(trace.y, trace.z, strict=False)
    ]
    return Table(heads=tuple(heads), rows=tuple(reversed(rows)))  # a map's first row is at its bottom


def draw(slide: "Slide", figure: Figure, box: Box) -> None:
    """One chart in its place; series keep their colours, error bars, order and names."""
    if figure.y.names or any(isinstance(value, str) for trace in figure.traces for value in trace.y):
        chart, traces = _bars(slide, figure, box, across=True)
    elif any(trace.kind == "bar" or isinstance(value, str) for trace in figure.traces for value in trace.x):
        chart, traces = _bars(slide, figure, box, across=False)
    else:
        chart, traces = _points(slide, figure, box)
    chart.font.size = TEXT
    chart.has_title = False
    _legend(chart, traces)


def _legend(chart: "Chart", traces: Sequence[Trace]) -> None:
    """One entry a name: traces that the page's legend leaves out show the same name elsewhere, or nothing of their own."""
    listed: set[str] = set()
    hidden = []
    for at, trace in enumerate(traces):
        if trace.name in listed or not trace.name:
            hidden.append(at)
        listed.add(trace.name)
    chart.has_legend = len(traces) - len(hidden) > 1
    if not chart.has_legend:
        return
    chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
    place = chart.legend._element.find("{*}legendPos")
    for at in reversed(hidden):
        entry = f'<c:legendEntry {nsdecls("c")}><c:idx val="{at}"/><c:delete val="1"/></c:legendEntry>'
        place.addnext(parse_xml(entry))


# --- points and lines ---------------------------------------------------------------------------------------------


def _points(slide: "Slide", figure: Figure, box: Box) -> tuple["Chart", list[Trace]]:
    data, kept = XyChartData(), []
    for trace in figure.traces:
        places = [at for at, (x, y) in enumerate(zip(trace.x, trace.y, strict=False)) if _drawable(x, y, figure)]
        if not places:
            continue
        series = data.add_series(trace.name or "series")
        for at in places:
            series.add_data_point(trace.x[at], trace.y[at])
        kept.append((trace, places))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *box, data).chart
    for series, (trace, places) in zip(chart.plots[0].series, kept, strict=True):
        _style(series, trace)
        for label, at in enumerate(places):
            if at < len(trace.texts) and trace.texts[at].strip():
                frame = series.points[label].data_label.text_frame
                frame.text = trace.texts[at]
                frame.paragraphs[0].font.size = Pt(10)
        for direction, ends in (("x", trace.error_x), ("y", trace.error_y)):
            _error_bars(series, ends, places, direction)
    for axis, facts, name in ((chart.category_axis, figure.x, "x"), (chart.value_axis, figure.y, "y")):
        reached = [end for trace, places in kept for end in _ends(trace, name, places)]
        _axis(axis, facts, min(reached), max(reached))
    return chart, [trace for trace, _ in kept]


def _drawable(x: Any, y: Any, figure: Figure) -> bool:
    return all(
        isinstance(value, int | float) and value == value and (value > 0 or not axis.logarithmic)
        for value, axis in ((x, figure.x), (y, figure.y))
    )


def _style(series: Any, trace: Trace) -> None:
    colour = RGBColor.from_string(trace.colour)
    if trace.lines:
        series.format.line.color.rgb = colour
        series.format.line.width = Pt(1.75)
        series.format.line.dash_style = MSO_LINE.SOLID if trace.dash == "solid" else MSO_LINE.DASH
        series.smooth = False
    else:
        series.format.line.fill.background()
    series.marker.style = XL_MARKER_STYLE.CIRCLE if trace.markers else XL_MARKER_STYLE.NONE
    if trace.markers:
        series.marker.size = 9
        series.marker.format.fill.solid()
        series.marker.format.fill.fore_color.rgb = colour
        series.marker.format.line.color.rgb = colour


# --- bars ---------------------------------------------------------------------------------------------------------


def _bars(slide: "Slide", figure: Figure, box: Box, across: bool) -> tuple["Chart", list[Trace]]:
    """Bars from zero; ``across``: names on the vertical axis. Points beside names become bars of the same values."""
    axis, values_axis = (figure.y, figure.x) if across else (figure.x, figure.y)
    placed = [(trace, _categories(trace.y if across else trace.x, axis)) for trace in figure.traces]
    names = list(dict.fromkeys([*axis.names.values(), *(name for _, names in placed for name in names)]))
    data = CategoryChartData()
    data.categories = names
    orders = []
    for trace, own in placed:
        values = dict(zip(own, trace.x if across else trace.y, strict=False))
        data.add_series(trace.name or "series", [values.get(name) for name in names])
        orders.append([own.index(name) if name in own else None for name in names])
    stacked = figure.stacked and all(trace.kind == "bar" for trace in figure.traces)
    kinds = (XL_CHART_TYPE.BAR_STACKED, XL_CHART_TYPE.BAR_CLUSTERED, XL_CHART_TYPE.COLUMN_STACKED, XL_CHART_TYPE.COLUMN_CLUSTERED)
    chart = slide.shapes.add_chart(kinds[2 * (not across) + (not stacked)], *box, data).chart
    chart.plots[0].gap_width = 60
    colours: set[str] = set()
    for series, trace, order in zip(chart.plots[0].series, figure.traces, orders, strict=True):
        series.format.fill.solid()
        series.format.fill.fore_color.rgb = RGBColor.from_string(trace.colour)
        if trace.colour in colours:  # the page tells them apart by their symbols
            series.format.fill.fore_color.brightness = 0.5
        colours.add(trace.colour)
        series.invert_if_negative = False
        _error_bars(series, trace.error_x if across else trace.error_y, order, None)
    along = "x" if across else "y"
    ends = [end for trace in figure.traces for end in _ends(trace, along, _numbers(trace.x if across else trace.y))]
    if stacked:
        sums = [
            sum(value for value in of_name if value)
            for of_name in zip(*(series.values for series in chart.plots[0].series), strict=True)
        ]
        ends += sums
    _axis(chart.value_axis, values_axis, min(0.0, *ends), max(0.0, *ends))
    _axis(chart.category_axis, Axis(axis.title))
    chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW  # beside the chart, also where bars are below zero
    return chart, figure.traces


def _categories(places: Sequence[Any], axis: Axis) -> list[str]:
    return [_named(place, axis) for place in places]


def _named(place: Any, axis: Axis) -> str:
    """The name at a position; points that stand a little beside theirs, to be told apart, have the same."""
    if isinstance(place, str):
        return plain_text(place)
    if axis.names:
        return axis.names[min(axis.names, key=lambda each: abs(each - place))]
    return f"{place:g}"


def _numbers(values: Sequence[Any]) -> list[int]:
    return [at for at, value in enumerate(values) if isinstance(value, int | float) and value == value]


def _ends(trace: Trace, name: str, places: Sequence[int]) -> list[float]:
    """Where points or bars and their error bars end, along one axis."""
    values, error = (trace.x, trace.error_x) if name == "x" else (trace.y, trace.error_y)
    ends = [float(values[at]) for at in places]
    for sign, side in zip((1, -1), error or (), strict=False):
        ends += [values[at] + sign * side[at] for at in places if at < len(side)]
    return ends


# --- axes and error bars ------------------------------------------------------------------------------------------


def _axis(axis: Any, facts: Axis, low: float | None = None, high: float | None = None) -> None:
    """Its title, and round limits around ``low`` and ``high``.

    PowerPoint names only powers of ten on a log axis, so one that spans less than ten times is drawn linear and says so.
    """
    logarithmic = facts.logarithmic and low is not None and high is not None and high > 10 * low > 0
    title = facts.title if logarithmic or not facts.logarithmic else facts.title.replace(" (log)", "")
    axis.has_title = bool(title)
    if title:
        axis.axis_title.text_frame.text = title
        axis.axis_title.text_frame.paragraphs[0].font.size = TEXT
    if low is None or high is None:
        return
    axis.major_gridlines.format.line.color.rgb = RGBColor(0xE2, 0xE8, 0xF0)
    if logarithmic:
        axis._element.find("{*}scaling").insert(0, parse_xml(f'<c:logBase {nsdecls("c")} val="10"/>'))
        axis.minimum_scale, axis.maximum_scale = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
        return
    step = _step((high - low) or abs(high) or 1.0)
    axis.minimum_scale, axis.maximum_scale = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    axis.major_unit = step
    axis.tick_labels.number_format_is_linked = False
    axis.tick_labels.number_format = "0" if step >= 1 else "0." + "0" * -math.floor(math.log10(step))


def _step(span: float) -> float:
    """1, 2 or 5 times a power of ten, so that a span has four to ten steps."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(factor * power for factor in (5, 2, 1) if span / (factor * power) >= 4)


def _error_bars(
    series: Any, ends: tuple[list[float], list[float]] | None, places: Sequence[int | None], direction: str | None
) -> None:
    """Custom error bars, which the library has no call for (ECMA-376 part 1, 21.2.2.55)."""
    if ends is None:
        return
    parts = "".join(
        f'<c:{name}><c:numLit><c:formatCode>General</c:formatCode><c:ptCount val="{len(places)}"/>{_literals(side, places)}'
        f"</c:numLit></c:{name}>"
        for name, side in zip(("plus", "minus"), ends, strict=True)
    )
    towards = f'<c:errDir val="{direction}"/>' if direction else ""
    bars = parse_xml(
        f'<c:errBars {nsdecls("c")}>{towards}<c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="0"/>{parts}'
        "</c:errBars>"
    )
    element = series._element
    element.insert(element.index(element.find("{*}xVal" if direction else "{*}cat")), bars)


def _literals(side: Sequence[float], places: Sequence[int | None]) -> str:
    known = [(at, side[place]) for at, place in enumerate(places) if place is not None and place < len(side)]
    return "".join(f'<c:pt idx="{at}"><c:v>{float(value)!r}</c:v></c:pt>' for at, value in known)
