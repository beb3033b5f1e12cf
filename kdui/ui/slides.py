"""A pin as a slide: markup with everything escaped, for the page, the exported file and print alike.

Charts are empty elements that name their figure; ``assets/modules/slides.js`` or ``exported.js`` draws them.
"""

from collections.abc import Sequence
from html import escape
from itertools import zip_longest

from kdui.core.presentation import Content, Pin, Source, Table, Tile

WORDS = 20  # letters from which a cell is read as a sentence, not as a number
VERDICT_TONE = {"ACCEPT": "win", "REGRESSION": "fail", "ANOMALOUS": "note", "INFEASIBLE": "fail"}


def slide_html(pin: Pin, number: int, total: int) -> str:
    """One slide with its number and where its figures come from; the speaker's notes are not on it."""
    content = pin.content
    finding = f'<p class="finding">{escape(content.title)}</p>' if pin.title and pin.title != content.title else ""
    sentence = f'<p class="sentence" translate="no">{escape(pin.sentence)}</p>' if pin.sentence else ""
    heading = escape(pin.heading)
    shown = f'<span translate="no">{heading}</span>' if pin.title else heading
    return (
        f'<section class="slide" aria-roledescription="slide" tabindex="-1" '
        f'aria-label="Slide {number} of {total}: {heading}"><header><h2>{shown}{badge_html(content)}</h2>'
        f'{sentence}{finding}{_subtitle(content)}</header><div class="slide-body">{content_html(content, pin.id)}</div>'
        f"<footer>{source_html(pin)}<span class='count'>{number} / {total}</span></footer></section>"
    )


def content_html(content: Content, figure: str) -> str:
    """Large numbers, picture, chart, sentences and tables; ``figure`` names the chart's figure."""
    picture = f'<img class="pixels" alt="The input" src="{escape(content.picture)}">' if content.picture else ""
    lines = f'<ul class="lines">{"".join(f"<li>{escape(line)}</li>" for line in content.lines)}</ul>' if content.lines else ""
    chart = ""
    if content.figure:
        label = escape(f"{content.title}. {content.subtitle}")
        chart = f'<div class="plot" role="img" aria-label="{label}" data-figure="{escape(figure)}"></div>'
    tiles = f'<div class="tiles">{"".join(map(_tile, content.tiles))}</div>' if content.tiles else ""
    several = " several" if len(content.tables) > 1 else ""
    tables = f'<div class="tables{several}">{"".join(map(table_html, content.tables))}</div>' if content.tables else ""
    return f"{tiles}{picture}{chart}{lines}{tables}"


def badge_html(content: Content) -> str:
    """The verdict in its colour, with a space before it; empty where there is none."""
    if not content.badge:
        return ""
    return f' <span class="verdict {VERDICT_TONE.get(content.badge, "note")}">{escape(content.badge)}</span>'


def _subtitle(content: Content) -> str:
    return f'<p class="about">{escape(content.subtitle)}</p>' if content.subtitle else ""


def _tile(tile: Tile) -> str:
    return (
        f'<div class="tile {tile.tone}"><span>{escape(tile.label)}</span><b>{escape(tile.value)}</b>'
        f"<small>{escape(tile.detail)}</small></div>"
    )


def table_html(table: Table) -> str:
    """The first column heads its row."""
    columns = zip_longest(*table.rows, fillvalue="")
    kinds = [' class="words"' if any(len(cell) > WORDS for cell in cells) else "" for cells in columns]
    heads = "".join(f'<th scope="col"{kind}>{escape(head)}</th>' for head, kind in zip(table.heads, kinds, strict=False))
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(map(_cell, row[1:], kinds[1:]))}</tr>' for row in table.rows if row
    )
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    return (
        f'<div class="scroll-x" tabindex="0"><table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(text: str, kind: str) -> str:
    return f"<td{kind}>{escape(text)}</td>"


def source_html(pin: Pin) -> str:
    """Live or frozen, when, of which runs; unfolded: commands, digests and settings."""
    source, how = pin.source, "live" if pin.live else "frozen"
    meaning = "computed from the store when it is shown" if pin.live else "as it was pinned"
    runs = f"{source.runs_total} run{'' if source.runs_total == 1 else 's'} · " if source.runs_total else ""
    return (
        f'<details class="source"><summary><span title="{meaning}">{how}</span> · {runs}{escape(source.date)} UTC · '
        f"kdui {escape(source.version)}</summary>{_commands(source)}{_facts(source)}</details>"
    )


def _commands(source: Source) -> str:
    runs = "".join(
        f"<p><b translate=\"no\">{escape(run.name)}</b> · run {escape(run.id)}</p><pre class='code'>{escape(run.command)}</pre>"
        for run in source.runs
    )
    more = source.runs_total - len(source.runs)
    return runs + (f"<p>and {more:,} more runs: <code>python app.py list runs</code></p>" if more > 0 else "")


def _facts(source: Source) -> str:
    rows = [*source.settings.items(), ("artifacts", " ".join(digest[:12] for digest in source.digests))]
    listed = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in rows if value)
    return f"<dl>{listed}</dl>" if listed else ""


def slides_html(pins: Sequence[Pin]) -> list[str]:
    """All slides in their order."""
    return [slide_html(pin, number, len(pins)) for number, pin in enumerate(pins, start=1)]
