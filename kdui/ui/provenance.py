"""Numbers with the mark that says where each comes from, as HTML."""

import math
from html import escape

from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.numbers import THIN, floor, number, times


def ratio(value: float | None, *, percent: bool = False) -> str:
    """19×, or 99 % for the headline metric."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{floor(value * 100)}{THIN}%" if percent else times(value)


def origin_title(origin: Origin, provenance: Provenance | None = None) -> str:
    """The mark in words: measured on CPU, n = 2,189, test."""
    parts = [origin.value]
    if provenance is not None:
        if provenance.device:
            parts[0] += f" on {provenance.device}"
        if provenance.n:
            parts.append(f"n = {provenance.n:,}")
        if provenance.split:
            parts.append(provenance.split)
        if provenance.note:
            parts.append(provenance.note)
    return ", ".join(parts)


def mark(origin: Origin | str, provenance: Provenance | None = None) -> str:
    """The sign of an origin as HTML, readable by a screen reader and on hover."""
    origin = Origin(origin)
    title = escape(origin_title(origin, provenance))
    return f'<span class="mark" title="{title}" role="img" aria-label="{title}">{origin.mark}</span>'


def measured(measurement: Measurement | None, *, words: bool = False, name: str = "") -> str:
    """A measurement as HTML with its mark; ``words`` adds how it came to be: 97.6 % accuracy ● measured, n = 2,189."""
    if measurement is None:
        return "–"
    text = escape(number(measurement.value, measurement.unit))
    source = measurement.provenance
    if not words:
        return f"{text}{mark(source.origin, source)}"
    count = f", n = {source.n:,}" if source.n else ""
    title = escape(origin_title(source.origin, source))
    how = f'<span class="prov" title="{title}">{source.origin.mark} {source.origin.value}{count}</span>'
    return f"<b>{text}</b> {escape(name)} {how}"
