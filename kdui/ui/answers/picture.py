"""A picture that a model made, what the judge takes it for, and, of several models, how far they are from the first one's."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from kdui.core.answers import Picture
from kdui.core.plan import Role
from kdui.ui.provenance import mark


def html(part: Picture, role: Role) -> str:
    """The picture, enlarged without smoothing, and the judge's class."""
    image = f'<img class="pixels made" alt="{escape(f"Made picture, {part.text}")}" src="data:image/png;base64,{part.image}">'
    return f'<figure class="made {role}">{image}<figcaption>{escape(part.text)} {mark("measured")}</figcaption></figure>'


def summary(part: Picture) -> tuple[str, ...]:
    """The judge's class is no prediction that could be right or wrong: see ``compared``."""
    return ()


def compared(parts: Sequence[Picture], then: Sequence[str]) -> str:
    """How far the pictures of the same noise are from the first one, in levels of 0 to 255."""
    if len(parts) < 2:
        return ""
    first = _levels(parts[0])
    apart = [float(np.abs(_levels(part) - first).mean()) for part in parts[1:]]
    return f"Mean difference from the first picture, of 255 levels: {', '.join(f'{each:.1f}' for each in apart)}."


def _levels(part: Picture) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(part.image))) as image:
        return np.asarray(image, dtype=np.float64)
