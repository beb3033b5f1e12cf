"""Boxes with their image as the part of an answer."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from kdui.core.answers import Box, Boxes
from kdui.problems.detection.decode import overlaps

HALF = 0.5  # intersection over union from which on a box matches a true one
SHOWN = 0.3  # score from which on a box is drawn; average precision reads less certain ones, too


def boxes_part(names: Sequence[str], image: Any, boxes: np.ndarray, truth: np.ndarray | None) -> Boxes:
    """``image`` uint8 [height, width, channels]; ``boxes`` [most, 6] as kept, ``truth`` [most, 5]; ``names`` by class from 0."""
    levels = np.asarray(image, dtype=np.uint8)
    height, width = levels.shape[:2]
    shown = boxes[(boxes[:, 0] > 0) & (boxes[:, 1] >= SHOWN)]
    true = None if truth is None else np.asarray(truth, dtype=np.float32)
    true = None if true is None else true[true[:, 0] > 0]
    right = [None] * len(shown) if true is None else _matching(shown, true)
    size = (width, height)
    return Boxes(
        names=tuple(names[1:]),
        image=_png(levels),
        width=width,
        height=height,
        least=SHOWN,
        boxes=tuple(
            Box(label=names[int(row[0])], score=float(row[1]), matches=matches, **_sides(row[2:], size))
            for row, matches in zip(shown, right, strict=True)
        ),
        truth=None if true is None else tuple(Box(label=names[int(row[0])], **_sides(row[1:], size)) for row in true),
    )


def _matching(boxes: np.ndarray, true: np.ndarray) -> list[bool]:
    """Whether each box, the surest first, overlaps a true one of its class by half that no surer one has taken."""
    overlap = overlaps(boxes[:, 2:], true[:, 1:]) * (boxes[:, :1] == true[None, :, 0])
    right = []
    for row in overlap:
        best = int(row.argmax()) if len(row) else -1
        right.append(bool(len(row) and row[best] >= HALF))
        if right[-1]:
            overlap[:, best] = 0
    return right


def _sides(sides: np.ndarray, size: tuple[int, int]) -> dict[str, float]:
    """What lies beyond the image's edge is cut off."""
    cut = [min(max(float(side), 0.0), float(size[place % 2])) for place, side in enumerate(sides)]
    return dict(zip(("left", "top", "right", "bottom"), cut, strict=True))


def _png(levels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
