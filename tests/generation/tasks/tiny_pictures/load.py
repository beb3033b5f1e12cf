"""Enlarges the digits."""

from pathlib import Path

import numpy as np
from kdui.tasks.tiny_pictures.spec import TASK
from sklearn.datasets import load_digits

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples
from tests.tasks.scenes import enlarged


def load(folder: Path) -> dict[Split, Examples]:
    """The first of them, each beside the seed of its place."""
    levels = load_digits().images
    pictures = np.stack([enlarged(each) for each in levels[: sum(TASK.splits.values())]])[..., None]
    seeds = np.zeros((len(pictures), 3))
    seeds[:, 0] = np.arange(len(pictures))
    whole, parts, start = Examples(seeds, pictures), {}, 0
    for split in ("test", "validation", "train"):
        parts[split] = whole.take(np.arange(start, start + TASK.splits[split]))
        start += TASK.splits[split]
    return parts
