"""Takes a person's images in: looks them over, fits them into one size, divides them, and keeps them under their digest."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kdui.core.errors import KduiError, RecipeError
from kdui.core.own_names import OwnPath
from kdui.core.own_preview import Note, Preview
from kdui.modalities.image.picture_files import MOST_PIXELS, read_picture
from kdui.modalities.image.prepare import fitted
from kdui.settings import Settings
from kdui.tasks.near_pictures import near_groups
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.by_class import Sorted, keys_of, labelled, left_out, splits_said, wrong_classes
from kdui.tasks.own_data.dividing import MOST_CLASSES, Labelled
from kdui.tasks.own_data.entries import MOST_BYTES, MOST_FILES
from kdui.tasks.own_pictures.files import found_pictures
from kdui.tasks.own_pictures.spec import TASK

OPTIONS = ("size", "colour")
LEAST_SIDE, USUAL_SIDE, MOST_SIDE = 8, 64, 224  # pixels; one size that all images have is kept up to MOST_OWN
MOST_OWN = 96
MOST_LEVELS = 1 << 29  # bytes of all images as they are kept
_GREY = ("1", "L", "LA", "I", "F")
LIMITS = (
    f"Limits: {MOST_FILES:,} files, {MOST_BYTES / 1e9:.1f} GB, {MOST_PIXELS // 1_000_000} million pixels an image "
    f"(a JPEG is read at a smaller scale), {MOST_CLASSES:,} classes, one class an image, "
    f"sides of {LEAST_SIDE} to {MOST_SIDE} pixels."
)


class Header(NamedTuple):
    """What an image is before it is fitted."""

    file: Sorted
    size: tuple[int, int]
    grey: bool


class Shape(NamedTuple):
    """Into what all images are fitted."""

    height: int
    width: int
    channels: int


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    if unknown := sorted(set(own.options) - set(OPTIONS)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of own images. There are {', '.join(OPTIONS)}.")
    with found_pictures(own.path, settings) as found:
        headers, broken = _headers(found.files)
        notes = left_out(found.others, broken, "images")
        seen = Preview(kind=own.kind, title=own.path.rstrip("/").rpartition("/")[2], notes=tuple(notes), limits=LIMITS)
        if refusal := _wrong({header.file.label for header in headers}):
            return kept.Prepared(seen.model_copy(update={"refusal": refusal}), {}, {})
        shape, words = _shape(own, headers)
        seen = seen.model_copy(update={"read": _read(headers, shape), "notes": (*notes, *words)})
        return _divided(seen, headers, shape)


def _headers(files: Sequence[Sorted]) -> tuple[list[Header], list[str]]:
    """Size and colour of each image that can be read, and the names of the others. Each is decoded: a header may lie."""
    headers, broken = [], []
    for file in files:
        try:
            picture = read_picture(file.read())
            headers.append(Header(file, picture.size, picture.mode in _GREY))
        except KduiError as error:
            broken.append(f"{file.name}: {error}")
    return headers, broken


def _wrong(labels: set[str]) -> str:
    return wrong_classes(labels) if labels else "No image can be read. Save them as PNG, JPEG, WebP or GIF."


def _shape(own: OwnPath, headers: Sequence[Header]) -> tuple[Shape, list[Note]]:
    """One shape for all: their own where they share a small one, else a square; options decide otherwise."""
    sizes, colour = Counter(header.size for header in headers), own.options.get("colour")
    if colour not in (None, "yes", "no"):
        raise RecipeError("colour: yes or no.")
    channels = {"yes": 3, "no": 1}.get(colour or "", 1 if all(header.grey for header in headers) else 3)
    (width, height), notes = next(iter(sizes)), []
    if given := own.options.get("size"):
        if not (given.isascii() and given.isdecimal() and LEAST_SIDE <= int(given) <= MOST_SIDE):
            raise RecipeError(f"size: a whole number of pixels from {LEAST_SIDE} to {MOST_SIDE}.")
        width = height = int(given)
    elif len(sizes) > 1 or max(width, height) > MOST_OWN or min(width, height) < LEAST_SIDE:
        middle = int(np.median([max(header.size) for header in headers]))
        width = height = max(LEAST_SIDE, min(USUAL_SIDE, middle))
    if len(sizes) > 1:
        text = f"{len(sizes):,} different sizes, from {_pixels(min(sizes))} to {_pixels(max(sizes))}: each image is fitted whole"
        notes.append(Note(level="note", text=f"{text} into {width} × {height}, black beside it (size=PIXELS chooses another)."))
    elif (width, height) not in sizes:
        words = f"Images of {_pixels(next(iter(sizes)))} are fitted into {width} × {height} (size=PIXELS chooses another)."
        notes.append(Note(level="note", text=words))
    if len(headers) * width * height * channels > MOST_LEVELS:
        raise RecipeError(
            f"{len(headers):,} images of {width} × {height} pixels take more than {MOST_LEVELS >> 20} MB. Choose a smaller size: "
            f"own-pictures:PATH?size={max(LEAST_SIDE, width // 2)}."
        )
    return Shape(height, width, channels), notes


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]:,} × {size[1]:,}"


def _read(headers: Sequence[Header], shape: Shape) -> tuple[tuple[str, str], ...]:
    shown = f"{shape.width} × {shape.height}, {'colour' if shape.channels == 3 else 'grey'}"
    splits = splits_said([header.file.split for header in headers])
    return ("images", f"{len(headers):,}"), ("kept as", shown), splits


def _divided(seen: Preview, headers: Sequence[Header], shape: Shape) -> kept.Prepared:
    levels = np.empty((len(headers), *shape), dtype=np.uint8)
    usable = np.ones(len(headers), dtype=bool)
    for place, header in enumerate(headers):
        try:
            levels[place] = fitted(read_picture(header.file.read()), *shape)
        except KduiError:  # it is transparent all over
            usable[place] = False
    headers = [header for header, there in zip(headers, usable, strict=True) if there]
    levels = levels[usable]
    if gone := int((~usable).sum()):
        blank = Note(level="problem", text=f"Left out: {gone:,} images that are transparent all over.")
        seen = seen.model_copy(update={"notes": (*seen.notes, blank)})
    files = [header.file for header in headers]
    data = Labelled([file.label for file in files], keys_of(levels), near_groups(levels), [file.split for file in files])
    return labelled(seen, levels, data, "images", {**shape._asdict(), "whole": True})


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
