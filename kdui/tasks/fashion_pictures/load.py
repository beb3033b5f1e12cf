"""Noise by seeds, beside the images of Fashion-MNIST that made pictures should look like."""

from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples
from kdui.tasks.fashion_mnist.load import load as load_items

FIRST_SEED: dict[Split, int] = {"test": 0, "validation": 10_000, "train": 20_000}


def load(folder: Path) -> dict[Split, Examples]:
    """Inputs [n, 3]: a seed and two steps of zero; targets: images uint8 [n, height, width, 1].

    Which noise stands beside which image means nothing.
    """
    return {split: _beside(items, FIRST_SEED[split]) for split, items in load_items(folder).items()}


def _beside(items: Examples, first: int) -> Examples:
    seeds = np.zeros((len(items), 3))
    seeds[:, 0] = first + np.arange(len(items))
    return Examples(seeds, items.inputs)
