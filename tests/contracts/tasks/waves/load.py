"""Draws the waves."""

import numpy as np

from kdui.tasks.examples import Examples

LONGEST, HIDDEN = 40, -100


def load(folder):
    random = np.random.RandomState(5)
    return {split: draw(random, count) for split, count in (("train", 400), ("validation", 60), ("test", 80))}


def draw(random, count):
    waves, targets = [], np.full((count, LONGEST), HIDDEN, dtype=np.int64)
    for row in range(count):
        length = random.randint(10, LONGEST + 1)
        clean = np.sin(np.arange(length) * random.uniform(0.1, 0.9) + random.uniform(0, 6))
        step = np.diff(clean, prepend=clean[0])
        targets[row, :length] = np.where(step > 0.1, 2, np.where(step < -0.1, 0, 1))
        waves.append((clean + random.normal(0, 0.1, length)).tolist())
    return Examples(waves, targets)
