"""The look that every chart shares: one colour and one symbol mean one role, and all text is readable in both themes."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from typing import Any, Final

import plotly.graph_objects as go

ROLES: Final = ("teacher", "assistant", "student", "compressed", "control", "smoothed", "baseline")
COLOURS: Final = {
    "teacher": "#4F46E5",
    "assistant": "#4F46E5",
    "student": "#0D9488",
    "compressed": "#D97706",
    "control": "#64748B",
    "smoothed": "#64748B",
    "baseline": "#64748B",
}
OVER_BUDGET: Final = "#E11D48"
SYMBOLS: Final = {
    "teacher": "star",
    "assistant": "star-open",
    "student": "circle",
    "compressed": "diamond",
    "control": "x",
    "smoothed": "cross",
    "baseline": "square-open",
}
SIZES: Final = {"teacher": 17, "assistant": 14, "student": 11, "compressed": 12, "control": 10, "smoothed": 10, "baseline": 10}
TITLES: Final = {
    "teacher": "Teacher",
    "assistant": "Assistant",
    "student": "Student",
    "compressed": "Compressed",
    "control": "Same student without KD",
    "smoothed": "Same with label smoothing",
    "baseline": "Baseline",
}

# Mid greys that keep at least 4.5 : 1 on the light and on the dark card; the browser swaps in the theme's own
# ink when it draws, so the same figure serves both and a downloaded image is readable on either.
INK: Final = "#6B7286"
GRID: Final = "rgba(120,128,150,0.20)"
FRONT: Final = "#7A8196"
TRANSPARENT: Final = "rgba(0,0,0,0)"
FONT: Final = 'Inter, system-ui, "Segoe UI", sans-serif'


def axis(title: str, **settings: Any) -> dict[str, Any]:
    """An axis with its title and unit; the grid is faint and there is no zero line."""
    return {
        "title": {"text": title, "standoff": 12, "font": {"size": 14}},
        "gridcolor": GRID,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        **settings,
    }


def layout(**settings: Any) -> go.Layout:
    """The shared layout: transparent, horizontal legend above, hover on the nearest point, zoom kept over updates."""
    shared: dict[str, Any] = {
        "paper_bgcolor": TRANSPARENT,
        "plot_bgcolor": TRANSPARENT,
        "font": {"size": 14, "color": INK, "family": FONT},
        "margin": {"l": 64, "r": 16, "t": 12, "b": 56},
        "hovermode": "closest",
        "uirevision": "kept",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left", "font": {"size": 14}},
        "hoverlabel": {"font": {"size": 14, "family": FONT}, "align": "left"},
    }
    return go.Layout({**shared, **settings})


def two_lines(name: str, width: int) -> str:
    """A name of more than this many characters on two lines."""
    cut = name.rfind(" ", 0, width + 1)
    return name if len(name) <= width or cut < 0 else f"{name[:cut]}<br>{name[cut + 1 :]}"
