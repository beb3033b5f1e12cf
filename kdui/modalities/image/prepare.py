"""Images: the data set's own for a graph, and what a person drew or uploaded made to look like them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.modalities.image.picture_files import eight_bits, read_picture

BLANK = "This image is blank. Draw something, upload another image, or pick one of the test examples."
_LONGEST_SIDE = 1024  # more pixels than this say nothing new about an image that ends up 28 wide
_FLAT_STEP, _FLAT_SHARE = 24, 0.9  # a border is flat when 90 % of it lies within 24 grey levels
_NEIGHBOURS = 10_000  # training images that novelty is compared with: a second's work
_INK_SHARE = 0.2  # of the strongest contrast; below it is paper, shadow or the soft edge of a stroke

AXES = {"pixels": ("batch", "channel", "height", "width")}


def prepare(raw: Sequence[Any], settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """``pixels`` float32 [n, channels, height, width] in 0..1 from uint8 images [height, width, channels].

    A checkpoint that needs something else states it in its settings: ``height`` and ``width`` (or ``size`` for both) to resize to
    (bilinear), ``channels`` 3 to repeat grey, ``mean`` and ``std`` for each channel to normalise with.
    """
    height, width = _wanted_size(settings)
    if isinstance(raw, np.ndarray) and raw.ndim == 4 and raw.shape[1:3] == (height, width):
        pictures = raw
    else:
        pictures = np.stack([_resized(np.asarray(picture, dtype=np.uint8), height, width) for picture in raw])
    pixels = np.ascontiguousarray(_with_channels(pictures, settings["channels"]).transpose(0, 3, 1, 2), dtype=np.float32)
    pixels /= 255
    if "mean" in settings:
        pixels -= np.asarray(settings["mean"], dtype=np.float32).reshape(1, -1, 1, 1)
    if "std" in settings:
        pixels /= np.asarray(settings["std"], dtype=np.float32).reshape(1, -1, 1, 1)
    return {"pixels": pixels}


def blank(shape: Mapping[str, Any], batch: int) -> dict[str, np.ndarray]:
    """Mid-grey ``pixels``."""
    return {"pixels": np.full((batch, shape["channels"], shape["height"], shape["width"]), 0.5, dtype=np.float32)}


def shown(raw: Any) -> dict[str, Any]:
    """Its rows: grey levels, or three of each pixel in colour."""
    picture = np.asarray(raw)
    return {"text": None, "image": (picture if picture.shape[-1] == 3 else picture[..., 0]).tolist()}


def parse(payload: Any, facts: TaskFacts) -> np.ndarray:
    """One example, uint8 [height, width, channels], from an image, an array, or the value of a drawing pad.

    An array of exactly the task's size is one of its own examples and stays as it is. Anything else becomes a bright
    object on black: inverted when its border is bright, cut to the ink and centred when the border is flat (a drawing, a
    product on white paper), else fitted whole; where the task's own images are ``whole``, it is only fitted. Raises
    KduiError when there is nothing on it.
    """
    height, width, channels = (int(facts.input[key]) for key in ("height", "width", "channels"))
    if isinstance(payload, Mapping):
        payload = _flattened(payload)
    if payload is None:
        raise KduiError(BLANK)
    own = _own_example(payload, height, width, channels)
    if own is not None:
        return own
    picture = _opaque(_picture(payload))
    if channels == 3 or facts.input.get("whole"):
        return _padded(picture, height, width, channels)
    grey, flat = _bright_on_dark(np.asarray(picture.convert("L"), dtype=np.float32))
    if flat:
        grey = _cut_to_ink(grey)
    return _centred(grey, height, width, stretch=flat)[..., None]


def fitted(payload: Any, height: int, width: int, channels: int) -> np.ndarray:
    """An image whole in a box, uint8 [height, width, channels], black beside it; it stands upright as its file says."""
    return _padded(_opaque(_picture(payload)), height, width, channels)


def _padded(picture: Image.Image, height: int, width: int, channels: int) -> np.ndarray:
    mode = "RGB" if channels == 3 else "L"
    box = ImageOps.pad(picture.convert(mode), (width, height), Image.Resampling.BILINEAR)
    return np.asarray(box).reshape(height, width, channels)


def opened(data: bytes) -> Image.Image:
    """The image that an uploaded file holds."""
    return read_picture(data)


def traits(train: Sequence[Any], test: Sequence[Any]) -> dict[str, np.ndarray]:
    """``novelty``: distance to the nearest training image, as the root mean square of pixel differences in 0..1.

    Images of one split have one size. At most ``_NEIGHBOURS`` training images are looked at, the first ones.
    """
    train_vectors, test_vectors = (
        np.asarray(part, np.float32).reshape(len(part), -1) / 255 for part in (train[:_NEIGHBOURS], test)
    )
    lengths = (train_vectors**2).sum(1)
    nearest = [
        (lengths - 2 * part @ train_vectors.T).min(1) + (part**2).sum(1)
        for part in np.array_split(test_vectors, -(-len(test_vectors) // 1000))
    ]
    return {"novelty": np.sqrt(np.maximum(np.concatenate(nearest), 0) / test_vectors.shape[1])}


def notice(payload: Any, facts: TaskFacts) -> str:
    """No warning is needed for an image."""
    return ""


def _wanted_size(settings: Mapping[str, Any]) -> tuple[int, int]:
    size = settings.get("size")
    return (int(size), int(size)) if size else (int(settings["height"]), int(settings["width"]))


def _resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    if picture.ndim == 2:
        picture = picture[..., None]
    if picture.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return resized[..., None] if resized.ndim == 2 else resized


def _with_channels(pictures: np.ndarray, channels: int) -> np.ndarray:
    """Grey repeated to three channels, or colour weighed to grey (ITU-R 601), where the model takes the other."""
    if pictures.shape[-1] == channels:
        return pictures
    if pictures.shape[-1] == 1:
        return np.repeat(pictures, channels, axis=-1)
    grey: np.ndarray = np.rint(pictures @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32)).astype(np.uint8)
    return grey


def _flattened(pad: Mapping[str, Any]) -> Any:
    """The image of a drawing pad: its composite, or else its layers over its background."""
    if pad.get("composite") is not None:
        return pad["composite"]
    parts = [part for part in (pad.get("background"), *(pad.get("layers") or ())) if part is not None]
    if not parts:
        return None
    whole = _picture(parts[0]).convert("RGBA")
    for part in parts[1:]:
        whole.alpha_composite(_picture(part).convert("RGBA").resize(whole.size))
    return whole


def _own_example(payload: Any, height: int, width: int, channels: int) -> np.ndarray | None:
    """The payload as an example of the data set, if it is a bare array of levels of exactly its size."""
    if not isinstance(payload, (np.ndarray, list)):
        return None
    array = np.asarray(payload)
    if array.shape not in ((height, width, channels), (height, width)[: 2 if channels == 1 else 0]):
        return None
    levels = _levels(array).reshape(height, width, channels)
    if levels.min() == levels.max():
        raise KduiError(BLANK)
    return levels


def _levels(array: np.ndarray) -> np.ndarray:
    """An array as uint8: booleans and fractions 0..1 are stretched, other numbers cut to 0..255."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool or (array.dtype.kind == "f" and array.size and array.max() <= 1):
        array = array * 255.0
    levels: np.ndarray = np.clip(np.rint(array), 0, 255).astype(np.uint8)
    return levels


def _picture(payload: Any) -> Image.Image:
    if isinstance(payload, Image.Image):
        return eight_bits(ImageOps.exif_transpose(payload))
    if not isinstance(payload, (np.ndarray, list)):
        raise KduiError(f"An image is needed here, not {type(payload).__name__}. Draw one, upload one, or pick a test example.")
    try:
        array = _levels(np.asarray(payload))
        if not array.size:
            raise ValueError("no pixels")
        return Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array)
    except (TypeError, ValueError) as error:
        raise KduiError("This is no image: an array of grey levels, RGB or RGBA is needed. Draw or upload one.") from error


def _opaque(picture: Image.Image) -> Image.Image:
    """Without transparency: what is drawn dark is put on white paper, what is drawn bright on black."""
    picture = picture.copy()
    picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BOX)
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    alpha = np.asarray(picture.getchannel("A"), dtype=np.float32)
    if not alpha.any():
        raise KduiError(BLANK)
    dark = np.average(np.asarray(picture.convert("RGB").convert("L"), dtype=np.float32), weights=alpha) < 128
    paper = Image.new("RGBA", picture.size, (255,) * 4 if dark else (0, 0, 0, 255))
    paper.alpha_composite(picture)
    return paper


def _bright_on_dark(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """Grey levels with the paper dark, and whether the paper is flat; then its level is taken off and the ink is stretched."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    flat = bool(np.mean(np.abs(border - paper) <= _FLAT_STEP) >= _FLAT_SHARE)
    if grey.max() - grey.min() < _FLAT_STEP:
        raise KduiError(BLANK)
    if paper > 127:
        grey, paper = 255 - grey, 255 - paper
    if flat:
        ink = np.clip(grey - paper, 0, None)
        if ink.max() < _FLAT_STEP:
            raise KduiError(BLANK)
        grey = ink * (255 / ink.max())
    return grey, flat


def _cut_to_ink(grey: np.ndarray) -> np.ndarray:
    ink = grey > _INK_SHARE * grey.max()
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _centred(grey: np.ndarray, height: int, width: int, stretch: bool) -> np.ndarray:
    """Scaled to the box with its proportions, and placed so that its centre of mass is the box's as far as it still fits.

    The longer side fills the box, as in the images of both data sets: digits reach from the first row to the last,
    clothes from edge to edge. Block averages make a stroke as grey as the share of the cell that it covers; ``stretch``
    then makes the strongest cell white, so that a thin pen counts as much as a thick one.
    """
    scale = min(height / grey.shape[0], width / grey.shape[1])
    rows, columns = (max(1, round(side * scale)) for side in grey.shape)
    kind = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    scaled = np.asarray(Image.fromarray(grey).resize((columns, rows), kind))
    scaled = scaled * (255 / max(float(scaled.max()), 1.0)) if stretch else scaled
    box = np.zeros((height, width), dtype=np.float32)
    top, left = _offset(scaled.sum(axis=1), height), _offset(scaled.sum(axis=0), width)
    box[top : top + rows, left : left + columns] = scaled
    return np.rint(np.clip(box, 0, 255)).astype(np.uint8)


def _offset(mass: np.ndarray, room: int) -> int:
    """Where a line of masses starts in a line of cells so that its centre is the middle, kept inside."""
    centre = float(mass @ np.arange(len(mass))) / max(float(mass.sum()), 1e-9)
    return min(max(0, round((room - 1) / 2 - centre)), room - len(mass))
