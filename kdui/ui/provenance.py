"""Numbers as a person reads them: unit, thin rounding, and the mark that says where each comes from."""

import math
from html import escape

from kdui.core.measurement import Measurement, Origin, Provenance

MINUS, THIN = "−", "\u202f"  # a true minus; a narrow space that does not break


def number(value: float | None, unit: str = "") -> str:
    """A value with its unit: 22.7 M, 91.6 MB, 16.4 ms, 97.6 %; an en dash where there is none.

    Units with their own steps: ``bytes`` and its multiples (kB, MB, GB), ``s`` (s, min, h), ``count`` or empty (K, M, G). Three
    significant digits, percentages with one decimal: nothing looks more exact than it is.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit in ("kB", "MB", "GB"):
        value, unit = value * {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit], "bytes"
    if unit == "ms" and 0 < abs(value) < 0.1:
        value, unit = value * 1e3, "µs"
    if unit == "bytes":
        return _scaled(value, (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)), "B")
    if unit in ("", "count"):
        return _scaled(value, (("G", 1e9), ("M", 1e6), ("K", 1e4)), "")
    if unit == "s":
        return duration(value)
    if unit == "%":
        return f"{value:.1f}{THIN}%"
    return f"{significant(value)}{THIN}{unit}"


def _scaled(value: float, steps: tuple[tuple[str, float], ...], plain: str) -> str:
    for suffix, size in steps:
        if abs(value) >= size:
            size = 1e3 if suffix == "K" else size
            return f"{significant(value / size)}{THIN}{suffix}"
    if plain:
        return f"{significant(value)}{THIN}{plain}"
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else significant(value)


def significant(value: float) -> str:
    """Three significant digits without an exponent, trailing zeros kept short."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(digits, 4)}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


def duration(seconds: float | None) -> str:
    """40 s, 3 min, 1 h 20 min."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{significant(seconds)}{THIN}s" if seconds >= 0.05 else f"0{THIN}s"
    if seconds < 90:
        return f"{seconds:.0f}{THIN}s"
    if seconds < 5400:
        return f"{seconds / 60:.0f}{THIN}min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours}{THIN}h" + (f" {rest}{THIN}min" if rest else "")


def span(low: float, high: float, unit: str) -> str:
    """A range with its unit once: 96.2 – 97.1 %."""
    first, last = number(low, unit), number(high, unit)
    if first == last:
        return first
    head, _, tail = first.rpartition(THIN)
    return f"{head} – {last}" if head and last.endswith(THIN + tail) else f"{first} – {last}"


def ratio(value: float | None, *, percent: bool = False) -> str:
    """19×, or 99 % for the headline metric."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value * 100:.1f}{THIN}%" if percent else f"{significant(value)}×"


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
