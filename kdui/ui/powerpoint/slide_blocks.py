"""Text, tiles, tables and pictures on a slide, with everything escaped by the library."""

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pptx.dml.color import RGBColor
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Inches, Length, Pt

from kdui.core.presentation import Table, Tile
from kdui.ui.powerpoint.plotly_figure import plain_text

if TYPE_CHECKING:
    from pptx.slide import Slide

INK, QUIET, LINE = RGBColor(0x0F, 0x17, 0x2A), RGBColor(0x47, 0x55, 0x69), RGBColor(0xE2, 0xE8, 0xF0)
TONES = {"gain": RGBColor(0x04, 0x78, 0x57), "loss": RGBColor(0xBE, 0x12, 0x3C), "plain": INK}
ROW = Inches(0.34)
Box = tuple[Length, Length, Length, Length]


def write_text(slide: "Slide", box: Box, lines: Sequence[str], size: float, *, bold: bool = False, colour: RGBColor = INK) -> Any:
    """One paragraph a line; returns its text frame."""
    frame = slide.shapes.add_textbox(*box).text_frame
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = 0
    for at, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if at == 0 else frame.add_paragraph()
        run = paragraph.add_run()
        run.text = plain_text(line)
        run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, colour
        paragraph.space_after = Pt(size / 3)
    return frame


def lines_of(text: str, width: Length, size: float) -> int:
    """How many lines a text takes at most, by a wide letter: which font a machine has is not known here."""
    return max(1, math.ceil(len(text) * 0.62 * size / 72 / (width / Inches(1))))


def tiles_height(tiles: Sequence[Tile], width: Length) -> Length:
    """Of the highest tile."""
    each = Length(int(width / len(tiles) - Inches(0.1)))
    return Length(max(int(Inches(0.95 + 0.21 * lines_of(tile.detail, each, 11))) for tile in tiles))


def write_tiles(slide: "Slide", box: Box, tiles: Sequence[Tile]) -> None:
    """Large numbers in a row, each with its name above and how sure it is below."""
    left, top, width, height = box
    each = int(width / len(tiles))
    for at, tile in enumerate(tiles):
        place = (Length(left + at * each), top, Length(each - Inches(0.1)), height)
        frame = write_text(slide, place, [tile.label, tile.value, tile.detail], 11, colour=QUIET)
        value = frame.paragraphs[1].runs[0].font
        value.size, value.bold, value.color.rgb = Pt(26), True, TONES[tile.tone]


def column_widths(table: Table, width: Length) -> list[Length]:
    """By the longest cell of each column; words of a head are not broken."""
    rows = [table.heads, *table.rows]
    columns = max(map(len, rows))
    longest = []
    for at in range(columns):
        cells = [row[at] for row in rows if at < len(row)]
        words = [len(word) + 2 for word in cells[0].split()] if cells else []
        longest.append(max(6, *(min(40, len(cell)) for cell in cells), *words))
    return [Length(int(width * letters / sum(longest))) for letters in longest]


def row_heights(table: Table, width: Length) -> list[Length]:
    """Of the head and each row, as high as their cells wrap."""
    widths = column_widths(table, width)
    size = cell_size(len(widths))
    heights = []
    for row in (table.heads, *table.rows):
        most = max((lines_of(cell, Length(each - Inches(0.2)), size) for cell, each in zip(row, widths, strict=False)), default=1)
        heights.append(Length(int(ROW + (most - 1) * Inches(size * 1.25 / 72))))
    return heights


def cell_size(columns: int) -> int:
    """Points of a table's letters."""
    return 12 if columns <= 7 else 10


def table_height(table: Table, width: Length) -> Length:
    """With its caption."""
    return Length(sum(row_heights(table, width)) + (ROW if table.caption else 0))


def write_table(slide: "Slide", box: Box, table: Table) -> None:
    """A native table: thin lines, the first column to the left, numbers to the right."""
    left, top, width, _ = box
    if table.caption:
        write_text(slide, (left, top, width, ROW), [table.caption], 12, colour=QUIET)
        top = Length(top + ROW)
    rows = [table.heads, *table.rows]
    widths, heights = column_widths(table, width), row_heights(table, width)
    made = slide.shapes.add_table(len(rows), len(widths), left, top, width, Length(sum(heights))).table
    made.horz_banding = False
    for at, each in enumerate(widths):
        made.columns[at].width = each
    for line, cells in enumerate(rows):
        made.rows[line].height = heights[line]
        for at in range(len(widths)):
            _cell(
                made.cell(line, at), cells[at] if at < len(cells) else "", cell_size(len(widths)), head=line == 0, first=at == 0
            )


def _cell(cell: Any, text: str, size: int, *, head: bool, first: bool) -> None:
    cell.fill.solid()
    cell.fill.fore_color.rgb = LINE if head else RGBColor(0xFF, 0xFF, 0xFF)
    cell.margin_top = cell.margin_bottom = Inches(0.03)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    paragraph = cell.text_frame.paragraphs[0]
    run = paragraph.add_run()
    run.text = plain_text(text)
    run.font.size, run.font.bold, run.font.color.rgb = Pt(size), head, INK
    paragraph.alignment = PP_ALIGN.LEFT if first or len(text) > 20 else PP_ALIGN.RIGHT


def write_picture(slide: "Slide", data_uri: str, left: Length, top: Length, side: Length) -> None:
    """A PNG as a data URI, its longer side ``side``."""
    png = base64.b64decode(data_uri.partition(",")[2])
    picture = slide.shapes.add_picture(io.BytesIO(png), left, top)
    scale = side / max(picture.width, picture.height)
    picture.width, picture.height = Length(int(picture.width * scale)), Length(int(picture.height * scale))


def rows_that_fit(table: Table, width: Length, height: Length) -> int:
    """How many rows fit below the head; at least one."""
    head, *rows = row_heights(table, width)
    left_over, fit = height - (ROW if table.caption else 0) - head, 0
    for row in rows:
        left_over -= row
        if left_over < 0:
            break
        fit += 1
    return max(1, fit)
