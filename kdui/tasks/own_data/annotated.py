"""Images with something marked on them: fitted whole into one square, and where their pixels went."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from kdui.core.errors import KduiError, RecipeError
from kdui.modalities.image.picture_files import MOST_PIXELS, read_picture, read_size

STEP = 32  # pixels: sides are multiples of it, as detectors and U-Nets want them
LEAST_SIDE, USUAL_SIDE, MOST_SIDE = 32, 128, 512
MOST_LEVELS = 1 << 29  # bytes of all images, and of all masks
OPTIONS = ("size", "colour")
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_ORIENTATION, _UPRIGHT = 274, 1  # of EXIF
LIMITS = f"{MOST_PIXELS // 1_000_000} million pixels an image, sides of {LEAST_SIDE} to {MOST_SIDE} pixels"


class Square(NamedTuple):
    """What all images are fitted into."""

    side: int
    channels: int

    @property
    def shape(self) -> dict[str, object]:
        """The task's ``input``."""
        return {"height": self.side, "width": self.side, "channels": self.channels, "whole": True}


class Place(NamedTuple):
    """Where an image of ``size`` (width, height) lies in its square: ``fitted`` pixels from ``left`` and ``top``."""

    size: tuple[int, int]
    fitted: tuple[int, int]
    left: int
    top: int

    def moved(self, x: float, y: float) -> tuple[float, float]:
        """A point of the image in the square."""
        return self.left + x * self.fitted[0] / self.size[0], self.top + y * self.fitted[1] / self.size[1]


def square_of(options: Mapping[str, str], kind: str) -> Square:
    """The square that the options choose; raises RecipeError in words."""
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of {kind}. There are {', '.join(OPTIONS)}.")
    given, colour = options.get("size", str(USUAL_SIDE)), options.get("colour", "yes")
    if not (given.isascii() and given.isdecimal() and LEAST_SIDE <= int(given) <= MOST_SIDE):
        raise RecipeError(f"size: a whole number of pixels from {LEAST_SIDE} to {MOST_SIDE}.")
    if colour not in ("yes", "no"):
        raise RecipeError("colour: yes or no.")
    return Square(max(LEAST_SIDE, round(int(given) / STEP) * STEP), 3 if colour == "yes" else 1)


def place_of(size: tuple[int, int], side: int) -> Place:
    """The largest that keeps its proportions, in the middle."""
    scale = side / max(size)
    width, height = (max(1, round(length * scale)) for length in size)
    return Place(size, (width, height), (side - width) // 2, (side - height) // 2)


def fitted_image(data: bytes, square: Square) -> tuple[np.ndarray, Place]:
    """An image's levels uint8 [side, side, channels], black beside it, and its place; raises KduiError in words.

    A file that is to be turned before it is shown is refused: whether what was marked is turned, too, cannot be told.
    """
    size, picture = read_size(data), read_picture(data)
    if picture.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT:
        raise KduiError("It is to be turned by its EXIF data, so marks may lie elsewhere. Save it upright.")
    place = place_of(size, square.side)
    mode = "RGB" if square.channels == 3 else "L"
    canvas = Image.new(mode, (square.side, square.side))
    canvas.paste(picture.convert(mode).resize(place.fitted, Image.Resampling.BILINEAR), (place.left, place.top))
    return np.asarray(canvas).reshape(square.side, square.side, square.channels), place


def fitted_mask(classes: np.ndarray, place: Place, side: int) -> np.ndarray:
    """Numbers of classes int64 [side, side] of a mask [height, width], each the nearest one; 0 beside it."""
    width, height = place.fitted
    rows = np.minimum((np.arange(height) + 0.5) * classes.shape[0] / height, classes.shape[0] - 1).astype(np.int64)
    columns = np.minimum((np.arange(width) + 0.5) * classes.shape[1] / width, classes.shape[1] - 1).astype(np.int64)
    fitted = np.zeros((side, side), dtype=np.int64)
    fitted[place.top : place.top + height, place.left : place.left + width] = classes[rows[:, None], columns]
    return fitted


def require_room(count: int, square: Square, bytes_of_pixel: int) -> None:
    """Raises RecipeError where so many images take too much memory."""
    if count * square.side**2 * bytes_of_pixel > MOST_LEVELS:
        raise RecipeError(
            f"{count:,} images of {square.side} × {square.side} pixels take more than {MOST_LEVELS >> 20} MB. Choose a smaller "
            f"size: ?size={max(LEAST_SIDE, square.side // 2)}, or name a part of them."
        )


def stems(names: Sequence[str]) -> list[str]:
    """Names without their folders and endings."""
    return [name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] for name in names]
