"""How numbers are written, everywhere: unit, thin rounding, never rounded in our own favour.

``assets/numbers.js`` writes the same; both are held to the vectors in ``tests/data/numbers.json``.
"""

import math

MINUS, THIN = "−", "\u202f"  # a true minus; a narrow space that does not break
DIGITS = {"bits per byte": 4}  # models of one text differ in the third decimal, and paired differences tell it
BYTES = {"bytes": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def number(value: float | None, unit: str = "") -> str:
    """A value with its unit: 22.7 M, 91.6 MB, 16.4 ms, 97.6 %; an en dash where there is none.

    Units with their own steps: ``bytes`` and its multiples (kB, MB, GB), ``s`` (s, min, h), ``ms`` (µs below 0.1), ``count`` or
    empty (K, M, G). Three significant digits (``DIGITS``: more), percentages with one decimal: nothing looks more exact than it
    is.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit in BYTES:
        return _scaled(value * BYTES[unit], (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)), "B")
    if unit == "ms" and 0 < abs(value) < 0.1:
        value, unit = value * 1e3, "µs"
    if unit in ("", "count", "MAC"):
        return _scaled(value, (("G", 1e9), ("M", 1e6), ("K", 1e4)), "")
    if unit == "s":
        return duration(value)
    if unit == "%":
        return f"{value:.1f}{THIN}%".replace("-", MINUS)
    if unit == "×":
        return times(value)
    return f"{significant(value, DIGITS.get(unit, 3))}{THIN}{'/s' if unit == '1/s' else unit}"


def _scaled(value: float, steps: tuple[tuple[str, float], ...], plain_unit: str) -> str:
    for suffix, size in steps:
        if abs(value) >= size:
            size = 1e3 if suffix == "K" else size
            return f"{significant(value / size)}{THIN}{suffix}"
    if plain_unit:
        return f"{significant(value)}{THIN}{plain_unit}"
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else significant(value)


def significant(value: float, digits: int = 3) -> str:
    """This many significant digits at the most and no exponent, trailing zeros dropped: 0.3127 -> 0.313, 16.42 -> 16.4."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


def times(factor: float | None) -> str:
    """A ratio: 19×, 1.9×, 0.97×; cut from one up, so that no speed-up reads larger than it was measured."""
    if factor is None or not math.isfinite(factor):
        return "–"
    if factor < 1:
        return f"{significant(factor, 2)}×"
    text = f"{math.floor(factor + 1e-9):,}" if factor >= 10 else floor(factor).removesuffix(".0")
    return f"{text}×"


def floor(value: float, places: int = 1) -> str:
    """Cut, not rounded: what is claimed of a model must not be more than what was measured."""
    scale = 10**places
    # The small term undoes binary noise such as 99.1 being stored as 99.09999….
    cut = math.floor(value * scale + 1e-9) / scale
    return f"{cut:.{places}f}"


def signed(value: float, places: int = 1) -> str:
    """A difference with its sign and a true minus: +0.4, −0.9."""
    text = f"{abs(value):.{places}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


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


def time_left(seconds: float) -> str:
    """How long something will take, as roughly as it is known: a few seconds, about 40 s, about 3 min, about 1 h 20 min."""
    if seconds < 8:
        return "a few seconds"
    if seconds < 55:
        seconds = round(seconds / 10) * 10
    elif seconds < 600:
        seconds = max(1, round(seconds / 60)) * 60
    else:
        seconds = round(seconds / 300) * 300 if seconds < 5400 else round(seconds / 600) * 600
    return f"about {seconds / 60:.0f}{THIN}min" if 50 < seconds < 5400 else f"about {duration(seconds)}"


def span(low: float, high: float, unit: str) -> str:
    """A range with its unit once: 96.2 – 97.1 %."""
    first, last = number(low, unit), number(high, unit)
    if first == last:
        return first
    head, _, tail = first.rpartition(THIN)
    return f"{head} – {last}" if head and last.endswith(THIN + tail) else f"{first} – {last}"
