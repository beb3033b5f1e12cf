"""Contents, figures and markup in another language, for files that leave the page."""

import json
import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

from kdui.catalogue.languages import ENGLISH
from kdui.catalogue.translation import translator
from kdui.core.presentation import Content, Table, Tile

Say = Callable[[str], str]

# What a person reads in a figure: figure_words.js says the same. Categories on an axis are not read: points are found by them.
READ = frozenset({"hovertemplate", "label", "name", "text", "ticktext", "title"})
TAG = re.compile(r"(<[^>]*>)")
LEFT_ALONE = re.compile(r'<(code|pre)\b|<(\w+)\b[^>]*\btranslate="no"')  # commands and what a person wrote
ATTRIBUTE = re.compile(r'\b(aria-label|alt|placeholder|title)="([^"]*)"')
INLINE = re.compile(r"<(/?)(?:b|i|span)\b[^>]*>")


def content_in(content: Content, language: str) -> Content:
    """A pin's content; its verdict stays the word that a colour is found by."""
    say = translator(language)
    return content.model_copy(
        update={
            "title": say(content.title),
            "subtitle": say(content.subtitle),
            "tiles": tuple(_tile(tile, say) for tile in content.tiles),
            "lines": tuple(map(say, content.lines)),
            "tables": tuple(table_in(table, language) for table in content.tables),
            "figure": figure_in(content.figure, language),
        }
    )


def _tile(tile: Tile, say: Say) -> Tile:
    return tile.model_copy(update={key: say(getattr(tile, key)) for key in ("label", "value", "detail")})


def table_in(table: Table, language: str) -> Table:
    """Caption, heads and cells."""
    say = translator(language)
    rows = tuple(tuple(map(say, row)) for row in table.rows)
    return Table(heads=tuple(map(say, table.heads)), rows=rows, caption=say(table.caption))


def figure_in(figure: str, language: str) -> str:
    """A figure as JSON; empty stays empty."""
    if not figure or language == ENGLISH:
        return figure
    return json.dumps(_words_in(json.loads(figure), translator(language)), ensure_ascii=False)


def _words_in(value: Any, say: Say, key: str = "") -> Any:
    if isinstance(value, str):
        return _label(value, say) if key in READ or (key == "customdata" and " " in value) else value
    if isinstance(value, list):
        return [_words_in(each, say, key) for each in value]
    if isinstance(value, dict):
        return {name: _words_in(each, say, name) for name, each in value.items()}
    return value


def _label(text: str, say: Say) -> str:
    """A label of Plotly's: lines, with marked words."""
    return "".join(_line(line, say) for line in re.split(r"(<br>|<extra>.*?</extra>)", text))


def _line(line: str, say: Say) -> str:
    tags: list[str] = []

    def numbered(tag: re.Match[str]) -> str:
        if tag[1]:
            return f"</{len(tags) - 1}>"
        tags.append(tag[0])
        return f"<{len(tags) - 1}>"

    def restored(mark: re.Match[str]) -> str:
        tag = tags[int(mark[2])]
        return f"</{tag[1:].split()[0].rstrip('>')}>" if mark[1] else tag

    return re.sub(r"<(/?)(\d+)>", restored, say(INLINE.sub(numbered, line)))


def markup_in(markup: str, language: str) -> str:
    """Texts and the attributes that are read; code and what says of itself that it is not translated are left alone."""
    if language == ENGLISH:
        return markup
    say = translator(language)
    parts, end = [], ""  # of the element that is left alone
    for part in TAG.split(markup):
        if not part.startswith("<"):
            parts.append(part if end else escape(say(unescape(part)), quote=False))
            continue
        parts.append(ATTRIBUTE.sub(lambda found: f'{found[1]}="{escape(say(unescape(found[2])))}"', part))
        alone = LEFT_ALONE.match(part)
        if alone and not end:
            end = f"</{alone[1] or alone[2]}>"
        elif part == end:
            end = ""
    return "".join(parts)
