"""Pictures of masks over their images, as addresses that hold them."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from kdui.core.plan import Role

SHOWN = 256  # pixels that a small image is enlarged to at least, so that outlines are thin
INSIDE, OUTSIDE = 0.4, 0.35  # how much of a class's colour covers it; how bright an image stays where nothing differs
ROLES = {
    "teacher": "#4F46E5",
    "student": "#0D9488",
    "compressed": "#D97706",
    "control": "#64748B",
    "truth": "#CA8A04",
}
DIFFERENT = "#E11D48"
# Of several classes: Okabe and Ito's colours, which people who see fewer colours tell apart, and three more.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#8C564B", "#17BECF", "#BCBD22")
NUMBERED = 64  # classes that are named on an image, at most


def read(png: str) -> np.ndarray:
    """Levels [height, width] or [height, width, 3] of a PNG in base64."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png)), formats=("PNG",)))


def colours_of(names: Sequence[str], role: Role | str) -> np.ndarray:
    """RGB of each class, [classes, 3]: that of the model's role where there is only one beside the background."""
    chosen = [ROLES[role]] if len(names) == 2 else [PALETTE[number % len(PALETTE)] for number in range(len(names) - 1)]
    return np.array([_rgb("#000000"), *map(_rgb, chosen)], dtype=np.float32)


def colour(rgb: np.ndarray) -> str:
    """As a style has it."""
    return "#" + "".join(f"{int(level):02X}" for level in rgb)


def overlaid(image: np.ndarray, classes: np.ndarray, colours: np.ndarray) -> str:
    """The image with each class but the background tinted and outlined."""
    pixels, classes = _enlarged(image, classes)
    inked = classes > 0
    tint = colours[classes]
    strength = np.where(inked, INSIDE, 0.0) + (1 - INSIDE) * (inked & _edges(classes))
    return _address(pixels + strength[..., None] * (tint - pixels))


def differing(image: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> str:
    """The image darkened but where two class maps differ, which is marked."""
    pixels, different = _enlarged(image, (ours != theirs).astype(np.uint8))
    marked = different[..., None] > 0
    return _address(np.where(marked, _rgb(DIFFERENT), OUTSIDE * pixels))


def _enlarged(image: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both so large that outlines are thin; the image in colour, float32."""
    times = max(1, SHOWN // min(classes.shape))
    pixels = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    pixels, classes = (each.repeat(times, 0).repeat(times, 1) for each in (pixels, classes))
    return pixels.astype(np.float32), classes


def _edges(classes: np.ndarray) -> np.ndarray:
    """Where a neighbour above, below or beside has another class."""
    edges = np.zeros(classes.shape, dtype=bool)
    down, right = classes[1:] != classes[:-1], classes[:, 1:] != classes[:, :-1]
    edges[1:] |= down
    edges[:-1] |= down
    edges[:, 1:] |= right
    edges[:, :-1] |= right
    return edges


def _address(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _rgb(text: str) -> np.ndarray:
    return np.array([int(text[place : place + 2], 16) for place in (1, 3, 5)], dtype=np.float32)
