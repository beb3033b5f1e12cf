"""Reads images and labels of nuclei out of the zip; near-equal images stay together."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, divided_groups
from kdui.tasks.near_pictures import near_groups
from kdui.tasks.nuclei.spec import CUT, FILE, SIDE

_SHARES = {"test": 0.25, "validation": 0.15}
_SEED = 2018


def load(folder: Path) -> dict[Split, Examples]:
    """A quarter for the test, 15 % for validation, of grey and of coloured images alike; drawn by groups of near-equal ones."""
    with zipfile.ZipFile(folder / FILE) as archive:
        names = sorted(Path(name).name for name in archive.namelist() if name.startswith("images/") and name.endswith(".png"))
        if not names:
            raise ValueError("there are no images in the folder 'images'")
        read = [_read(archive, name) for name in names]
    pictures, masks = np.stack([picture for picture, _ in read]), np.stack([mask for _, mask in read])
    coloured = (pictures[..., 0] != pictures[..., 1]).any((1, 2)).astype(np.int64)
    parts = divided_groups(coloured, near_groups(pictures), _SHARES, rest="train", seed=_SEED)
    return {split: Examples(pictures[parts[split]], masks[parts[split]]) for split in ("train", "validation", "test")}


def _read(archive: zipfile.ZipFile, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The middle of an image, uint8 [side, side, 3], and its classes: nucleus where at least half of a pixel's area is one."""
    picture, labels = (Image.open(io.BytesIO(archive.read(f"{kind}/{name}"))) for kind in ("images", "labels"))
    if picture.size != labels.size:
        raise ValueError(f"{name} has {picture.size[0]} × {picture.size[1]} pixels, its mask {labels.size[0]} × {labels.size[1]}")
    if min(picture.size) < CUT:
        raise ValueError(f"{name} has {picture.size[0]} × {picture.size[1]} pixels, fewer than {CUT} × {CUT}")
    left, top = ((side - CUT) // 2 for side in picture.size)
    box = (left, top, left + CUT, top + CUT)
    covered = Image.fromarray(np.where(np.asarray(labels.crop(box)) > 0, 255, 0).astype(np.uint8))
    small = picture.convert("RGB").crop(box).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small), (np.asarray(covered.resize((SIDE, SIDE), Image.Resampling.BOX)) >= 128).astype(np.int64)
