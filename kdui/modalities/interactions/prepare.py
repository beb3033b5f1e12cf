"""Histories for a graph: the numbers of the items that a person took, and what a person names made to look like them."""

import difflib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.core.layout import ITEMS

_SIMILAR = 3  # names that an unknown one is told to be like

AXES = {"history": ("batch", "length"), "attention_mask": ("batch", "length")}


def prepare(raw: Sequence[Any], settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """``history`` int64 [n, length]: numbers of the items from 1, the latest first, 0 behind the end; ``attention_mask`` 1 where
    there is one. Raises KduiError in words for an item that the model does not have."""
    names = item_names(folder)
    numbers = _numbers(names)
    length = max((len(each) for each in raw), default=1) or 1
    history = np.zeros((len(raw), length), np.int64)
    for row, items in enumerate(raw):
        try:
            history[row, : len(items)] = [numbers[item] for item in items]
        except KeyError as error:
            raise KduiError(_unknown(str(error.args[0]), names)) from None
    return {"history": history, "attention_mask": (history > 0).astype(np.int64)}


def blank(shape: Mapping[str, Any], batch: int) -> dict[str, np.ndarray]:
    """Histories of the length that models learn from."""
    history = np.tile(1 + np.arange(shape["longest"], dtype=np.int64) % shape["items"], (batch, 1))
    return {"history": history, "attention_mask": np.ones_like(history)}


def shown(raw: Any) -> dict[str, Any]:
    """The names, the latest first, in one text and each for itself."""
    return {"text": " · ".join(raw), "image": None, "items": list(raw)}


def parse(payload: Any, facts: TaskFacts) -> tuple[str, ...]:
    """One history from a list of names, the latest first, or from a text with a name a line; raises KduiError in words."""
    if isinstance(payload, str):
        payload = payload.split("\n" if "\n" in payload else " · ")
    if not isinstance(payload, (list, tuple)) or not all(isinstance(each, str) for each in payload):
        raise KduiError("A history is a list of names. Choose some items, or pick one of the test examples.")
    items = tuple(dict.fromkeys(name.strip() for name in payload if name.strip()))
    if not items:
        raise KduiError("The history is empty. Choose at least one item, or pick one of the test examples.")
    if len(items) > facts.input["items"]:
        raise KduiError(f"This history names {len(items):,} items, but there are {facts.input['items']:,}. Leave some out.")
    return items


def notice(payload: Any, facts: TaskFacts) -> str:
    """That little can be told from one item alone."""
    names = payload.split("\n") if isinstance(payload, str) else payload
    return "One item says little about a person: choose a few more." if len([name for name in names if name.strip()]) == 1 else ""


def traits(train: Sequence[Any], test: Sequence[Any]) -> dict[str, np.ndarray]:
    """``novelty``: how rare the items of a history are in the histories that were learned from, mean of −log2 of their share;
    ``length``: how many items it has."""
    counts: dict[str, int] = {}
    for history in train:
        for item in history:
            counts[item] = counts.get(item, 0) + 1
    rare = [[-np.log2(counts.get(item, 0.5) / len(train)) for item in history] for history in test]
    return {
        "novelty": np.array([float(np.mean(each)) for each in rare]),
        "length": np.array([len(history) for history in test], float),
    }


def item_names(folder: Path) -> tuple[str, ...]:
    """The names of the items that the model in this folder has, in the order of its outputs; raises KduiError for none."""
    path = Path(folder) / ITEMS
    try:
        return _read(str(path), path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise KduiError(f"The model has no {ITEMS} in {folder}. Run its recipe again, or pick another model.") from None


@lru_cache(maxsize=16)
def _read(path: str, changed: int) -> tuple[str, ...]:
    return tuple(json.loads(Path(path).read_text(encoding="utf-8")))


@lru_cache(maxsize=16)
def _numbers(names: tuple[str, ...]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names, start=1)}


def _unknown(name: str, names: Sequence[str]) -> str:
    folded = {each.casefold(): each for each in names}
    within = [each for low, each in folded.items() if name.casefold() in low][:_SIMILAR] if len(name) > 2 else []
    similar = within or [folded[low] for low in difflib.get_close_matches(name.casefold(), folded, _SIMILAR)]
    advice = f"Similar names: {'; '.join(similar)}." if similar else "Search for it in the list, or leave it out."
    return f"{name!r} is not among the {len(names):,} items that this model has learned. {advice}"
