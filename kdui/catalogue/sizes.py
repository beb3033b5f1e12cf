"""Parameters and MACs of every preset on every task it suits, counted once and shipped, so that estimates need no torch.

``python -m kdui.models.count_sizes`` counts them again; a test compares.
"""

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("sizes.json")


@cache
def known_sizes() -> dict[str, dict[str, int]]:
    """``TASK MODEL`` -> {"parameters", "macs"} on one example of full length."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def known_size(task: str, ref: str) -> dict[str, int] | None:
    """The counted size of a preset, None for any other reference."""
    return known_sizes().get(f"{task} {ref}")
