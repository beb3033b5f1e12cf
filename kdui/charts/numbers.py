"""What a chart's cost axes show, and how such a cost is written."""

from kdui.core.numbers import THIN, number

QUANTITIES = {
    "latency_ms": ("p50 latency", "ms"),
    "token_ms": ("decode speed", "tokens/s"),  # a cost as it is stored, ms for each token; told as the speed that it is
    "download_mb": ("download", "MB"),
    "parameters": ("parameters", ""),
    "macs": ("multiply-adds", ""),
}


def quantity(column: str, value: float) -> str:
    """A cost with its unit, the smaller one for small values: 0.9 ms, 18.3 µs, 4.8 MB, 310 kB, 22.7 M."""
    value = 1e3 / value if column == "token_ms" else value
    return number(value, QUANTITIES[column][1]).replace(THIN, " ")  # Plotly breaks no line there
