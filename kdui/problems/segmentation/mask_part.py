"""A class map beside its image as the part of an answer."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from kdui.core.answers import Mask


def mask_part(names: Sequence[str], image: Any, classes: np.ndarray, truth: np.ndarray | None) -> Mask:
    """``image`` uint8 [height, width, channels]; ``classes`` and ``truth`` [height, width], places in ``names``."""
    levels = np.asarray(image, dtype=np.uint8)
    return Mask(
        names=tuple(names),
        image=_png(levels[..., 0] if levels.shape[-1] == 1 else levels),
        classes=_png(classes.astype(np.uint8)),
        text=covered(classes, names),
        truth="" if truth is None else _png(np.asarray(truth).astype(np.uint8)),
        truth_text="" if truth is None else covered(np.asarray(truth), names),
    )


def covered(classes: np.ndarray, names: Sequence[str]) -> str:
    """The share of each class but the background, the largest first."""
    shares = [(float((classes == number).mean()), name) for number, name in enumerate(names) if number]
    words = [f"{name} {100 * share:.1f} %" for share, name in sorted(shares, reverse=True) if share]
    return ", ".join(words) or f"only {names[0]}"


def _png(levels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
