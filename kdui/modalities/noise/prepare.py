"""Noise for a graph: drawn by a seed, and moved along two fixed directions of its space.

A raw example is three numbers, a seed and two steps: whoever has them has the noise.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError

AXES = {"noise": ("batch", "latent")}
MOST_SEED = 2**31 - 1
FURTHEST = 6.0  # standard deviations along a direction: noise beyond it is like none that models were trained with
_DIRECTIONS_SEED = 2017
_FORM = "Noise is a seed from 0 to 2147483647, alone or with a step along each of two directions, e.g. 7 or 7, 1.5, -2."


def prepare(raw: Sequence[Any], settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """``noise`` float32 [n, latent], standard normal, of rows (seed, first step, second step).

    The legacy generator is used because numpy promises that its stream never changes.
    """
    width = int(settings["noise"])
    rows = np.asarray(raw, dtype=np.float64).reshape(-1, 3)
    random, drawn = np.random.RandomState(), np.empty((len(rows), width))
    for seed, noise in zip(rows[:, 0], drawn, strict=True):
        random.seed(int(seed))
        noise[:] = random.standard_normal(width)
    return {"noise": (drawn + rows[:, 1:] @ directions(width)).astype(np.float32)}


@lru_cache(maxsize=4)
def directions(width: int) -> np.ndarray:
    """Two orthonormal directions [2, width], the same ones for all models."""
    columns, _ = np.linalg.qr(np.random.RandomState(_DIRECTIONS_SEED).standard_normal((width, 2)))
    return np.asarray(columns.T)


def blank(shape: Mapping[str, Any], batch: int) -> dict[str, np.ndarray]:
    """The middle of the noise's space."""
    return {"noise": np.zeros((batch, int(shape["noise"])), dtype=np.float32)}


def shown(raw: Any) -> dict[str, Any]:
    """The seed, and the steps where there are some."""
    seed, *steps = (float(number) for number in raw)
    written = [f"{step:g}" for step in steps] if any(steps) else []
    return {"text": ", ".join([f"{seed:.0f}", *written]), "image": None}


def parse(payload: Any, facts: TaskFacts) -> list[float]:
    """One example from a seed, from a list of three numbers or from a text that holds them; raises KduiError in words."""
    given = payload.replace(",", " ").split() if isinstance(payload, str) else payload
    try:
        numbers = [float(number) for number in np.atleast_1d(given)]
    except (TypeError, ValueError):
        raise KduiError(_FORM) from None
    seed, *steps = numbers or [math.nan]
    if len(numbers) not in (1, 3) or not seed.is_integer() or not 0 <= seed <= MOST_SEED:
        raise KduiError(_FORM)
    if not all(abs(step) <= FURTHEST for step in steps):
        raise KduiError(f"A step lies between -{FURTHEST:g} and {FURTHEST:g} standard deviations.")
    return [seed, *(steps or (0.0, 0.0))]


def notice(payload: Any, facts: TaskFacts) -> str:
    """No warning is needed for noise."""
    return ""


def traits(train: Sequence[Any], test: Sequence[Any]) -> dict[str, np.ndarray]:
    """``novelty``: noise is as new as any other; a seed alone says nothing."""
    return {"novelty": np.zeros(len(test))}
