"""Puts items of Fashion-MNIST on canvases: real pixels, made-up scenes, and the class of each pixel by construction."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from kdui.core.contracts import Split
from kdui.tasks.composed_scenes.spec import SIDE, TASK
from kdui.tasks.examples import Examples
from kdui.tasks.fashion_mnist.load import load as load_items

LEAST, MOST = 2, 5  # items of a scene
SMALLEST, LARGEST = 28, 56  # pixels of an item's side
INK = 24  # grey level from which on a pixel belongs to the item: its soft edge does not
PAPER, NOISE = (20, 90), 6.0  # grey levels of the canvas, and the deviation of what is added to each pixel
TRIES = 20  # places that are tried for an item before it is left out
_SEEDS: dict[Split, int] = {"train": 128, "validation": 129, "test": 130}


class Scene(NamedTuple):
    """Grey levels uint8 and classes int64, [side, side] each; 0 is the background. ``boxes``: class, left, top, right, bottom of
    each item's pixels, right and bottom outside."""

    levels: np.ndarray
    classes: np.ndarray
    boxes: list[tuple[int, int, int, int, int]]


def load(folder: Path) -> dict[Split, Examples]:
    """Scenes of each split from the items of the same split of Fashion-MNIST."""
    return {
        split: Examples(
            np.stack([scene.levels for scene in of_split])[..., None], np.stack([scene.classes for scene in of_split])
        )
        for split, of_split in scenes(folder).items()
    }


def scenes(folder: Path) -> dict[Split, list[Scene]]:
    """All scenes, the same ones every time."""
    items = load_items(folder)
    return {split: _composed(items[split], TASK.splits[split], seed) for split, seed in _SEEDS.items()}


def _composed(items: Examples, count: int, seed: int) -> list[Scene]:
    random = np.random.RandomState(seed)
    return [composed(items, random) for _ in range(count)]


def composed(items: Examples, random: np.random.RandomState) -> Scene:
    """One scene; items don't overlap. The legacy generator is used because numpy promises that its stream never changes."""
    levels = np.full((SIDE, SIDE), random.randint(*PAPER), dtype=np.float64)
    classes, boxes = np.zeros((SIDE, SIDE), dtype=np.int64), []
    for _ in range(random.randint(LEAST, MOST + 1)):
        place, side = random.randint(len(items)), random.randint(SMALLEST, LARGEST + 1)
        item = np.asarray(Image.fromarray(items.inputs[place][..., 0]).resize((side, side), Image.Resampling.BILINEAR))
        corner = _free(classes, side, random)
        inked = item >= INK
        if corner is None or not inked.any():
            continue
        top, left = corner
        there = (slice(top, top + side), slice(left, left + side))
        label = int(items.targets[place]) + 1
        levels[there][inked], classes[there][inked] = item[inked], label
        rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
        boxes.append((label, left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1))
    noisy = levels + random.normal(0, NOISE, levels.shape)
    return Scene(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), classes, boxes)


def _free(classes: np.ndarray, side: int, random: np.random.RandomState) -> tuple[int, int] | None:
    """A corner where a square of this side covers no item that is there already."""
    for _ in range(TRIES):
        top, left = random.randint(0, SIDE - side + 1, 2)
        if not classes[top : top + side, left : left + side].any():
            return int(top), int(left)
    return None
