"""Inputs made worse in five steps, seeded: what a modality can do stands in its own folder, ``modalities/NAME/corrupt.py``.

What a corruption does at one severity it also does, and more, at the next.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

SEVERITIES = (1, 2, 3, 4, 5)

Corruption = Callable[[Any, int, np.random.Generator], Any]  # raw examples, a severity, what is drawn from


def corruptions_of(modality: str) -> Mapping[str, Corruption]:
    """A modality's corruptions by name; none where its folder holds none."""
    name = f"kdui.modalities.{modality}.corrupt"
    found = importlib.import_module(name).CORRUPTIONS if importlib.util.find_spec(name) else {}
    return cast(Mapping[str, Corruption], found)


def corrupted(raw: Any, modality: str, name: str, severity: int, seed: int = 0) -> Any:
    """Raw examples made worse; the same examples, name and seed always give the same ones, whatever the severity drew before."""
    return corruptions_of(modality)[name](raw, severity, np.random.default_rng([seed, sum(name.encode())]))
