"""All slides of a presentation in one .pptx: a pin is a slide, and goes on on the next where its tables are too long for one."""

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pptx import Presentation as PowerPoint
from pptx.dml.color import RGBColor
from pptx.util import Inches, Length

from kdui.catalogue.languages import ENGLISH
from kdui.catalogue.translation import translator
from kdui.core.errors import KduiError
from kdui.core.presentation import Pin, Presentation, Source, Table
from kdui.ui.deck_file import shown_pins
from kdui.ui.in_language import Say, content_in
from kdui.ui.powerpoint import slide_blocks as blocks
from kdui.ui.powerpoint.native_chart import as_table, draw
from kdui.ui.powerpoint.plotly_figure import plain_text, read_figure

if TYPE_CHECKING:
    from pptx.slide import Slide

    from kdui.workbench.workbench import Workbench

WIDTH, HEIGHT, EDGE = Inches(13.333), Inches(7.5), Inches(0.6)
BOTTOM = Inches(6.85)  # the footer stands below
BLANK = 6  # of the library's own layouts
INNER = Length(WIDTH - 2 * EDGE)
BADGES = {
    "ACCEPT": RGBColor(0x04, 0x78, 0x57),
    "REGRESSION": RGBColor(0xBE, 0x12, 0x3C),
    "INFEASIBLE": RGBColor(0xBE, 0x12, 0x3C),
}


class _Frame(NamedTuple):
    """What stands on every slide of a pin, in the file's language."""

    badge: str
    footer: str
    continued: str  # the footer of the slides after the first
    notes: str

    def further(self) -> "_Frame":
        return self._replace(footer=self.continued)


class _Place(NamedTuple):
    slide: "Slide"
    top: Length

    def below(self, height: float) -> "_Place":
        return self._replace(top=Length(int(self.top + height)))

    @property
    def left_over(self) -> Length:
        return Length(BOTTOM - self.top)


def deck_pptx(workbench: "Workbench", name: str, language: str = ENGLISH) -> bytes:
    """The whole file in a language; raises KduiError where there is no slide."""
    deck: Presentation = workbench.store.presentations.get(name)
    if not deck.pins:
        raise KduiError(f"'{name}' has no slides yet: press Pin at a chart, a table or a sentence in Runs, Explore or Compare.")
    file = PowerPoint()
    file.slide_width, file.slide_height = WIDTH, HEIGHT
    file.core_properties.title = plain_text(deck.name)[:255]
    file.core_properties.author = "kdui"
    pins, say = shown_pins(workbench, deck), translator(language)
    for number, pin in enumerate(pins, start=1):
        frame = _frame(pin, f"{number} / {len(pins)}", say)
        _add(file, pin.model_copy(update={"content": content_in(pin.content, language)}), frame)
    made = io.BytesIO()
    file.save(made)
    return made.getvalue()


def _frame(pin: Pin, count: str, say: Say) -> _Frame:
    source = pin.source
    footer = f"{'live' if pin.live else 'frozen'} · {_runs(source)}{source.date} UTC · kdui {source.version} · {count}"
    return _Frame(say(pin.content.badge), say(footer), say(f"{footer}, continued"), _notes(pin, say))


def _add(file: Any, pin: Pin, frame: _Frame) -> None:
    content = pin.content
    place = _begin(file, pin, frame)
    place.slide.notes_slide.notes_text_frame.text = plain_text(frame.notes)
    if content.tiles:
        height = blocks.tiles_height(content.tiles, INNER)
        blocks.write_tiles(place.slide, _box(place, height), content.tiles)
        place = place.below(height + Inches(0.1))
    figure = read_figure(content.figure) if content.figure else None
    tables, lines = list(content.tables), list(content.lines)
    if figure and (map_ := as_table(figure)):
        figure, tables = None, [map_, *tables]
    if content.picture:
        blocks.write_picture(place.slide, content.picture, EDGE, place.top, Inches(2.2))
        place = place.below(Inches(2.35))
    if figure:
        beside = Inches(3.4) if lines and _height(lines, Inches(3.2), 12) <= place.left_over else 0
        draw(place.slide, figure, (EDGE, place.top, Length(INNER - beside), place.left_over))
        if beside:
            column = (Length(WIDTH - EDGE - Inches(3.2)), place.top, Inches(3.2), place.left_over)
            blocks.write_text(place.slide, column, lines, 12)
            lines = []
        place = place.below(place.left_over)
    for line in lines:  # each on the slide that has room for it
        height = _height([line], INNER, 16)
        if height > place.left_over:
            place = _begin(file, pin, frame.further())
        blocks.write_text(place.slide, _box(place, height), [line], 16)
        place = place.below(height)
    for table in tables:
        place = _tabled(file, pin, frame, place, table)


def _height(lines: Sequence[str], width: Length, size: float) -> Length:
    return Length(sum(int(Inches(size * 1.3 / 72)) * blocks.lines_of(line, width, size) + int(Inches(0.06)) for line in lines))


def _tabled(file: Any, pin: Pin, frame: _Frame, place: _Place, table: Table) -> _Place:
    """The table below what stands there, on further slides where it is longer than one."""
    for part in _parts(table, place.left_over):
        height = blocks.table_height(part, INNER)
        if height > place.left_over:
            place = _begin(file, pin, frame.further())
        blocks.write_table(place.slide, _box(place, height), part)
        place = place.below(height + Inches(0.2))
    return place


def _parts(table: Table, first: Length) -> Iterator[Table]:
    """The table in pieces that each fit a slide; the first fits what is left of the one that is begun, where that is worth it."""
    whole = Length(BOTTOM - Inches(2.2))
    room = first if blocks.rows_that_fit(table, INNER, first) >= min(4, len(table.rows)) else whole
    rows: Sequence[tuple[str, ...]] = table.rows
    while True:
        fit = blocks.rows_that_fit(table.model_copy(update={"rows": tuple(rows)}), INNER, room)
        yield table.model_copy(update={"rows": tuple(rows[:fit])})
        rows, room = rows[fit:], whole
        if not rows:
            return


def _begin(file: Any, pin: Pin, frame: _Frame) -> _Place:
    """A slide with its heading, sentence, finding and source; what follows stands below."""
    slide = file.slides.add_slide(file.slide_layouts[BLANK])
    content, top = pin.content, Inches(0.4)
    heading = blocks.write_text(slide, (EDGE, top, INNER, Inches(0.7)), [pin.heading], 24, bold=True)
    if content.badge:
        run = heading.paragraphs[0].add_run()
        run.text = f"  {frame.badge}"
        run.font.size, run.font.bold = heading.paragraphs[0].runs[0].font.size, True
        run.font.color.rgb = BADGES.get(content.badge, blocks.QUIET)
    top = Length(top + _height([f"{pin.heading}  {frame.badge}"], INNER, 24) + Inches(0.06))
    finding = content.title if pin.title and pin.title != content.title else ""
    for text, size, colour in ((pin.sentence, 18, blocks.INK), (finding, 16, blocks.INK), (content.subtitle, 13, blocks.QUIET)):
        if text:
            height = _height([text], INNER, size)
            blocks.write_text(slide, (EDGE, top, INNER, height), [text], size, colour=colour)
            top = Length(top + height)
    blocks.write_text(slide, (EDGE, Inches(7.0), INNER, Inches(0.3)), [frame.footer], 10, colour=blocks.QUIET)
    return _Place(slide, Length(top + Inches(0.15)))


def _box(place: _Place, height: float) -> blocks.Box:
    return EDGE, place.top, INNER, Length(int(height))


def _runs(source: Source) -> str:
    return f"{source.runs_total} run{'' if source.runs_total == 1 else 's'} · " if source.runs_total else ""


def _notes(pin: Pin, say: Say) -> str:
    """What the speaker wrote, then how every figure is computed again."""
    source = pin.source
    runs = [f"{run.name}, run {run.id}:\n{run.command}" for run in source.runs]
    facts = [f"{say(key)}: {value}" for key, value in source.settings.items() if value]
    digests = f"{say('artifacts')}: {' '.join(digest[:12] for digest in source.digests)}" if source.digests else ""
    return "\n\n".join(filter(None, [pin.notes, say("Sources"), *runs, "\n".join(facts), digests]))
