"""Which pixels of an image training reads.

Neighbouring pixels say nearly the same, so a few of them teach as much as all. They are the same places of every image, drawn
once by a fixed seed: teacher, student and control learn from the same ones, and a teacher's cache holds nothing else. Where
images are augmented, other parts of them come to lie there in every view. Judging reads all pixels.
"""

from functools import lru_cache

import numpy as np

SEED = 2018
MOST = 2048  # of the 16,384 pixels of an image of 128 × 128


@lru_cache(maxsize=8)
def places_of(pixels: int) -> np.ndarray:
    """Sorted numbers of the pixels that are read of images with so many, row by row: all of a small one.

    The legacy generator is used because numpy promises that its stream never changes.
    """
    if pixels <= MOST:
        return np.arange(pixels)
    return np.sort(np.random.RandomState(SEED).permutation(pixels)[:MOST])
