"""What a native chart takes of a Plotly figure: traces with plain numbers, axes with their unit in the title."""

import base64
import json
import math
import re
from html import unescape
from typing import Any, NamedTuple

import numpy as np

ILLEGAL = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML cannot hold
ACTIVE = re.compile(r"^(=|\{=|(https?|ftp|file|mailto|internal|external):)", re.I)  # a cell of the chart's workbook would run it
HEX = re.compile(r"#[0-9A-Fa-f]{6}")
OTHERS = ("E11D48", "0D9488", "94A3B8", "4F46E5", "D97706", "7C3AED")  # of traces with a colour for each point, or none
TICK = re.compile(r"^([−-]?[\d.,]+)\s*(\D*)$")


class Axis(NamedTuple):
    """``scale`` turns the figure's values into those that are drawn, in the unit that the title names."""

    title: str
    logarithmic: bool = False
    scale: float = 1.0
    names: dict[float, str] = {}  # of positions, where the axis has names instead of numbers


class Trace(NamedTuple):
    """Values as drawn; positions without a number are left out. ``colour``: RRGGBB."""

    name: str
    kind: str
    x: list[Any]
    y: list[Any]
    colour: str
    lines: bool = False
    markers: bool = True
    dash: str = "solid"
    texts: tuple[str, ...] = ()
    error_x: tuple[list[float], list[float]] | None = None  # plus, minus
    error_y: tuple[list[float], list[float]] | None = None
    z: list[list[Any]] = []


class Figure(NamedTuple):
    """All traces that show something."""

    traces: list[Trace]
    x: Axis
    y: Axis
    stacked: bool = False


def plain_text(text: object) -> str:
    """Plotly's markup taken off, and what a file of XML or a spreadsheet would choke on."""
    words = unescape(re.sub(r"<[^<>]*>", "", re.sub(r"<br\s*/?>", " ", str(text))))
    words = ILLEGAL.sub("", words)
    return f" {words}" if ACTIVE.match(words) else words


def read_figure(text: str) -> Figure:
    """The figure of a pin's JSON; names of axes are those of positions where ticks are named."""
    figure = json.loads(text)
    layout = figure.get("layout", {})
    traces = [_trace(trace, number) for number, trace in enumerate(figure.get("data", []))]
    shown = [trace for trace in traces if trace.z or any(_is_number(x) or isinstance(x, str) for x in trace.x)]
    x, y = _axis(layout.get("xaxis", {})), _axis(layout.get("yaxis", {}))
    scaled = [_scaled(trace, x.scale, y.scale) for trace in shown]
    return Figure(scaled, x, y, layout.get("barmode") in ("stack", "relative"))


def values_of(packed: Any) -> list[Any]:
    """A trace's array; Plotly packs numbers as base64."""
    if isinstance(packed, dict):
        return list(np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).tolist())
    return list(packed or [])


def _trace(trace: dict[str, Any], number: int) -> Trace:
    mode = str(trace.get("mode") or "markers")
    marker, line = trace.get("marker") or {}, trace.get("line") or {}
    colour = marker.get("color") if isinstance(marker.get("color"), str) else line.get("color")
    text = trace.get("text")
    return Trace(
        name=plain_text(trace.get("name") or ""),
        kind=str(trace["type"]),
        x=values_of(trace.get("x")),
        y=values_of(trace.get("y")),
        colour=colour[1:7].upper() if isinstance(colour, str) and HEX.fullmatch(colour) else OTHERS[number % len(OTHERS)],
        lines="lines" in mode,
        markers="markers" in mode,
        dash=str(line.get("dash") or "solid"),
        texts=tuple(map(plain_text, text)) if "text" in mode and isinstance(text, list) else (),
        error_x=_error(trace.get("error_x")),
        error_y=_error(trace.get("error_y")),
        z=[values_of(row) for row in values_of(trace.get("z"))] if trace["type"] == "heatmap" else [],
    )


def _error(error: dict[str, Any] | None) -> tuple[list[float], list[float]] | None:
    if not error or not error.get("array"):
        return None
    plus, minus = (
        [float(value) if _is_number(value) else 0.0 for value in values_of(error.get(side) or error["array"])]
        for side in ("array", "arrayminus")
    )
    return plus, minus


def _axis(axis: dict[str, Any]) -> Axis:
    title = axis.get("title")
    words = plain_text(title.get("text") if isinstance(title, dict) else title or "")
    logarithmic = axis.get("type") == "log"
    places, names = values_of(axis.get("tickvals")), values_of(axis.get("ticktext"))
    scale, unit = _unit(places, names)
    if unit:
        words = f"{words}, {unit}" if words else unit
    named = {} if scale else {float(place): plain_text(name) for place, name in zip(places, names, strict=False)}
    scale = scale or 1.0
    return Axis(words, logarithmic, scale, named)


def _unit(places: list[Any], names: list[Any]) -> tuple[float, str]:
    """What a value is multiplied by so that the first tick reads as it is named, and the unit that its name has.

    0 where ticks are named otherwise: then the names matter, not the numbers.
    """
    if not places or not names:
        return 1.0, ""
    reads = [(place, TICK.match(plain_text(name).strip())) for place, name in zip(places, names, strict=False) if name]
    if not reads or any(not read or not isinstance(place, int | float) or not place for place, read in reads):
        return 0.0, ""
    place, read = reads[0]
    shown = float(read.group(1).replace(",", "").replace("−", "-")) if read else math.nan
    return shown / float(place), read.group(2).strip() if read else ""


def _scaled(trace: Trace, x: float, y: float) -> Trace:
    def times(values: list[Any], factor: float) -> list[Any]:
        return [value * factor if _is_number(value) else value for value in values]

    def error(ends: tuple[list[float], list[float]] | None, factor: float) -> tuple[list[float], list[float]] | None:
        return (times(ends[0], factor), times(ends[1], factor)) if ends else None

    x_values, y_values = times(trace.x, x), times(trace.y, y)
    return trace._replace(x=x_values, y=y_values, error_x=error(trace.error_x, x), error_y=error(trace.error_y, y))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
