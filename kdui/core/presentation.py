"""Presentation: pinned figures in an order, each with its content as data, what it says and where it comes from.

A pin holds no markup: texts, tables and Plotly figures as data, which whoever shows them escapes.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from kdui.core.plain import Frozen

MOST_PINS = 60  # in one presentation
MOST_REMOVED = 20  # that can be brought back

Line = Annotated[str, Field(max_length=2_000)]
Cell = Annotated[str, Field(max_length=500)]


class Table(Frozen):
    """A table as text, every cell with its unit and the mark of its origin; the first column names the row."""

    heads: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: Line = ""


class Tile(Frozen):
    """One large number with what it is and how sure it is."""

    label: Cell
    value: Cell
    detail: Line = ""
    tone: Literal["gain", "loss", "plain"] = "plain"


class Content(Frozen):
    """What a pin shows."""

    title: Line
    subtitle: Line = ""
    badge: Cell = Field(default="", description="a verdict in a word")
    tiles: tuple[Tile, ...] = ()
    lines: tuple[Line, ...] = ()
    figure: str = Field(default="", max_length=4_000_000, description="Plotly JSON as Python made it")
    height: int = Field(default=0, ge=0, le=10_000, description="px that the figure was made for; 0: any")
    tables: tuple[Table, ...] = ()
    picture: str = Field(default="", max_length=2_000_000, pattern=r"^(data:image/png;base64,[A-Za-z0-9+/=]+)?$")


class RunSource(Frozen):
    """A run behind a figure, with the command that computes it again."""

    id: str
    name: str
    command: str


class Source(Frozen):
    """Where a pin's figures come from."""

    date: str = Field(description="UTC, to the minute")
    version: str = Field(description="of kdui")
    runs: tuple[RunSource, ...] = ()
    runs_total: int = Field(default=0, ge=0, description="with those that are not listed")
    digests: tuple[str, ...] = Field(default=(), description="of the models' artifacts")
    settings: dict[str, str] = Field(default={}, description="what was chosen: axis, budget, example, aims, prices")


class Pin(Frozen):
    """One slide. ``place`` and ``view`` say what was looked at, so that it can be looked at again."""

    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    place: str = Field(max_length=64)
    view: dict[str, Any]
    live: bool = Field(default=False, description="computed again from the store whenever it is shown; else as it was pinned")
    title: str = Field(default="", max_length=200, description="empty: the content's own")
    sentence: str = Field(default="", max_length=600)
    notes: str = Field(default="", max_length=5_000, description="the speaker's; in no file but the one for PowerPoint")
    content: Content
    source: Source

    @property
    def heading(self) -> str:
        return self.title or self.content.title


class Presentation(Frozen):
    """Pins in their order, under the name that a person gave."""

    name: str = Field(min_length=1, max_length=80)
    revision: int = Field(default=0, ge=0, description="counts changes, so that two windows do not overwrite each other")
    pins: tuple[Pin, ...] = Field(default=(), max_length=MOST_PINS)
    removed: tuple[Pin, ...] = Field(default=(), description="the last ones, which undo brings back")
