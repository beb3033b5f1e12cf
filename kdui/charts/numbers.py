"""How numbers are written in titles, hovers and sentences: three significant digits, never rounded in our own favour."""

import math

QUANTITIES = {
    "latency_ms": ("p50 latency", "ms"),
    "download_mb": ("download", "MB"),
    "parameters": ("parameters", ""),
    "macs": ("multiply-adds", ""),
}


SMALLER = (("ms", "µs", 0.1), ("MB", "kB", 1.0))  # unit, the next smaller, and below which value it is used


def plain(value: float, digits: int = 3) -> str:
    """``value`` with at most ``digits`` significant digits and no exponent: 0.3127 -> 0.313, 16.42 -> 16.4, 91.0 -> 91."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(value: float) -> str:
    """A count with its suffix: 1.2 k, 22.7 M, 3.1 G."""
    for limit, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return plain(value / limit) + suffix
    return plain(value)


def quantity(column: str, value: float) -> str:
    """A cost with its unit, the smaller one for small values: 0.9 ms, 18.3 µs, 4.8 MB, 310 kB, 22.7 M."""
    unit = QUANTITIES[column][1]
    for large, small, below in SMALLER:
        if unit == large and 0 < value < below:
            value, unit = value * 1000, small
    return f"{plain(value)} {unit}" if unit else short(value)


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
    return ("+" if value > 0 else "−") + text
