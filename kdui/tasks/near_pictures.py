"""Which images are nearly the same, so that they stay in one split."""

import numpy as np
from PIL import Image

_THUMB, _ALIKE = 16, 0.03  # side of the thumbnails, and how far two of one hash may differ (root mean square of 0..1)


def near_groups(levels: np.ndarray) -> list[str]:
    """A name for each image: the same for those whose small versions hardly differ.

    Candidates share a difference hash: whether each of 8 × 8 neighbours is brighter than the one beside it.
    """
    first: dict[bytes, list[tuple[int, np.ndarray]]] = {}
    groups = []
    for index, picture in enumerate(levels):
        grey = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).convert("L")
        small = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
        thumb = np.asarray(grey.resize((_THUMB, _THUMB), Image.Resampling.BOX), dtype=np.float32) / 255
        same = first.setdefault(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), [])
        near = next((other for other, theirs in same if float(np.sqrt(((theirs - thumb) ** 2).mean())) < _ALIKE), None)
        if near is None and len(same) < 50:
            same.append((index, thumb))
        groups.append(str(index if near is None else near))
    return groups
