"""Reads photographs and boxes in Pascal VOC's form out of the zip."""

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from kdui.core.contracts import Split
from kdui.tasks.blood_cells.spec import FILE, HEIGHT, KINDS, WIDTH
from kdui.tasks.boxes import Box, filled_up
from kdui.tasks.examples import Examples

_LISTS: dict[Split, str] = {"train": "train", "validation": "val", "test": "test"}
_CLASSES = {name: number for number, name in enumerate(KINDS, start=1)}
_SIDES = ("xmin", "ymin", "xmax", "ymax")
MOST_BYTES = 1_000_000  # of an annotation: real ones have 10 KB


def load(folder: Path) -> dict[Split, Examples]:
    """The splits that the data set names; raises ValueError for a file that is not as it should be."""
    with zipfile.ZipFile(folder / FILE) as archive:
        return {split: _split(archive, name) for split, name in _LISTS.items()}


def _split(archive: zipfile.ZipFile, name: str) -> Examples:
    stems = archive.read(f"BCCD/ImageSets/Main/{name}.txt").decode("utf-8").split()
    read = [_read(archive, stem) for stem in stems]
    return Examples(np.stack([picture for picture, _ in read]), filled_up([boxes for _, boxes in read]))


def _read(archive: zipfile.ZipFile, stem: str) -> tuple[np.ndarray, list[Box]]:
    picture = Image.open(io.BytesIO(archive.read(f"BCCD/JPEGImages/{stem}.jpg"))).convert("RGB")
    small = picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    text = archive.read(f"BCCD/Annotations/{stem}.xml")
    if len(text) > MOST_BYTES or b"<!" in text:  # declarations can make a small file enormous
        raise ValueError(f"{stem}.xml is no plain annotation")
    scale = (WIDTH / picture.width, HEIGHT / picture.height)
    objects = ElementTree.fromstring(text).iter("object")
    return np.asarray(small), [box for each in objects if (box := _box(each, stem, scale)) is not None]


def _box(item: ElementTree.Element, stem: str, scale: tuple[float, float]) -> Box | None:
    """One object's box at the kept size; None for the two of the real file that have no area."""
    name = item.findtext("name", "")
    if name not in _CLASSES:
        raise ValueError(f"{stem}.xml names an object '{name}', which is none of {', '.join(_CLASSES)}")
    corners = [float(item.findtext(f"bndbox/{side}", "nan")) for side in _SIDES]
    if not np.isfinite(corners).all():
        raise ValueError(f"{stem}.xml has an object without a whole box")
    left, top, right, bottom = (round(corner * scale[place % 2]) for place, corner in enumerate(corners))
    return (_CLASSES[name], left, top, right, bottom) if right > left and bottom > top else None
