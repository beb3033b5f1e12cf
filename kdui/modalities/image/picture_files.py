"""Image files from outside: their format and size are read from the header, and only then is anything decoded.

A few bytes can stand for gigabytes of pixels, and some formats hand their content to other programs (EPS to Ghostscript).
"""

import io
import warnings

import numpy as np
from PIL import Image

from kdui.core.errors import KduiError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
NAMES = "PNG, JPEG, WebP or GIF"
MOST_PIXELS = 4_000_000
MOST_BYTES = 32_000_000
ENOUGH = (512, 512)  # a JPEG is decoded at a smaller scale at once, so that a camera's photographs are taken


def read_picture(data: bytes) -> Image.Image:
    """The decoded image with 8 bits a channel; raises KduiError in words for what is none, or too large to be opened."""
    return eight_bits(_decoded(data))


def read_classes(data: bytes) -> np.ndarray:
    """The numbers that the pixels of a mask have, int64 [height, width]: indices of a palette, grey levels of 1 to 16 bits, and
    of a colour red · 65,536 + green · 256 + blue. Raises KduiError in words, also for a format that changes levels to pack them.
    """
    picture = _decoded(data)
    if picture.format not in ("PNG", "GIF"):
        raise KduiError("This mask is not a PNG file: other formats change the numbers of classes. Save it as PNG.")
    if picture.mode in ("1", "L", "P", "I", "I;16", "I;16B"):
        return np.asarray(picture).astype(np.int64)
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), dtype=np.int64), -1, 0)
    return red * 65_536 + green * 256 + blue


def read_size(data: bytes) -> tuple[int, int]:
    """Width and height as the header of a file says them, before a JPEG is read at a smaller scale. Raises KduiError in words."""
    return _opened(data, at_once=False).size


def _decoded(data: bytes) -> Image.Image:
    picture = _opened(data, at_once=True)
    try:
        picture.load()
    except Exception as error:
        raise _unreadable() from error
    return picture


def _opened(data: bytes, at_once: bool) -> Image.Image:
    """The header, within its limits; ``at_once``: a JPEG will be decoded at a smaller scale."""
    if len(data) > MOST_BYTES:
        raise KduiError(f"This file has {len(data) / 1e6:,.0f} MB; at most {MOST_BYTES // 1_000_000} are taken. {_smaller()}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is far lower
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            if at_once:
                picture.draft(None, ENOUGH)
    except Image.DecompressionBombError:
        raise KduiError(f"This image has far more than {MOST_PIXELS // 1_000_000} million pixels. {_smaller()}") from None
    except Exception as error:  # each format's reader raises what it likes on a file that is not as it should be
        raise _unreadable() from error
    width, height = picture.size
    if at_once and width * height > MOST_PIXELS:
        raise KduiError(
            f"This image has {width:,} × {height:,} pixels; at most {MOST_PIXELS // 1_000_000} million are taken. {_smaller()}"
        )
    return picture


def eight_bits(picture: Image.Image) -> Image.Image:
    """The same with 256 levels: 16-bit and floating-point greys keep their proportions instead of being cut off at 255.

    Floats are taken as 0..1 where none is larger, else as 0..255 or as 16-bit levels, whichever they fit in.
    """
    if not picture.mode.startswith(("I", "F")):
        return picture
    levels = np.asarray(picture, dtype=np.float64)
    if not np.isfinite(levels).all():
        raise KduiError("This image holds values that are no numbers. Save it again as a PNG file.")
    highest = float(levels.max(initial=0))
    if picture.mode.startswith("I"):
        top = 65535.0 if picture.mode != "I" or highest > 255 else 255.0
    else:
        top = 1.0 if highest <= 1 else 255.0 if highest <= 255 else 65535.0
    return Image.fromarray(np.rint(np.clip(levels / max(top, highest), 0, 1) * 255).astype(np.uint8))


def _unreadable() -> KduiError:
    return KduiError(f"This file is not an image that can be read. Choose a {NAMES} file.")


def _smaller() -> str:
    return "Make it smaller first, e.g. 1,000 × 1,000: the models see far less."
