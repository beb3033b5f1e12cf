"""Takes a person's images in: looks them over, fits them into one size, divides them, and keeps them under their digest."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.core.errors import KduiError, RecipeError
from kdui.core.own_names import OwnPath
from kdui.core.own_preview import SPLITS, Note, Preview
from kdui.modalities.image.picture_files import MOST_PIXELS, read_picture
from kdui.modalities.image.prepare import fitted
from kdui.settings import Settings
from kdui.tasks.examples import Examples
from kdui.tasks.near_pictures import near_groups
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.dividing import LONGEST_LABEL, MOST_CLASSES, Labelled, divide
from kdui.tasks.own_pictures.files import MOST_BYTES, MOST_FILES, Found, PictureFile, found_pictures
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

    file: PictureFile
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
        notes = _left_out(found, broken)
        seen = Preview(kind=own.kind, title=own.path.rstrip("/").rpartition("/")[2], notes=tuple(notes), limits=LIMITS)
        if refusal := _wrong(headers):
            return kept.Prepared(seen.model_copy(update={"refusal": refusal}), {}, {})
        shape, words = _shape(own, headers)
        seen = seen.model_copy(update={"read": _read(headers, shape), "notes": (*notes, *words)})
        return _divided(seen, headers, shape)


def _headers(files: Sequence[PictureFile]) -> tuple[list[Header], list[str]]:
    """Size and colour of each image that can be read, and the names of the others. Each is decoded: a header may lie."""
    headers, broken = [], []
    for file in files:
        try:
            picture = read_picture(file.read())
            headers.append(Header(file, picture.size, picture.mode in _GREY))
        except KduiError as error:
            broken.append(f"{file.name}: {error}")
    return headers, broken


def _left_out(found: Found, broken: Sequence[str]) -> list[Note]:
    notes = [Note(level="note", text=f"Left out: {count:,} files, {what}.") for what, count in found.others.items()]
    if broken:
        text = f"Left out: {len(broken):,} images that cannot be read; the first is {broken[0]}"
        notes.insert(0, Note(level="problem", text=text))
    return notes


def _wrong(headers: Sequence[Header]) -> str:
    labels = {header.file.label for header in headers}
    if not headers:
        return "No image can be read. Save them as PNG, JPEG, WebP or GIF."
    if len(labels) > MOST_CLASSES:
        return f"There are {len(labels):,} folders of classes; at most {MOST_CLASSES:,} are taken."
    longest = max(labels, key=len)
    return (
        f"A folder's name has {len(longest)} characters; a class has at most {LONGEST_LABEL}."
        if len(longest) > LONGEST_LABEL
        else ""
    )


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
    said = "from the folders" if any(header.file.split for header in headers) else "none in the folders"
    shown = f"{shape.width} × {shape.height}, {'colour' if shape.channels == 3 else 'grey'}"
    return ("images", f"{len(headers):,}"), ("kept as", shown), ("splits", said)


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
    labels = [header.file.label for header in headers]
    keys = [hashlib.blake2b(picture.tobytes(), digest_size=16).hexdigest() for picture in levels]
    division = divide(Labelled(labels, keys, near_groups(levels), [header.file.split for header in headers]), "images")
    gone = int((~usable).sum())
    blank = [Note(level="problem", text=f"Left out: {gone:,} images that are transparent all over.")] if gone else []
    names = division.labels(labels)
    counts = {label: {split: 0 for split in SPLITS} for label in names}
    for split, part in division.parts.items():
        for index in part:
            counts[labels[index]][split] += 1
    notes = (*seen.notes, *blank, *division.notes)
    seen = seen.model_copy(update={"notes": notes, "classes": counts, "refusal": division.refusal})
    if division.refusal:
        return kept.Prepared(seen, {}, {})
    number = {label: place for place, label in enumerate(names)}
    splits: Mapping[Split, Examples] = {
        split: Examples(levels[part], np.array([number[labels[index]] for index in part], dtype=np.int64))
        for split, part in sorted(division.parts.items())
    }
    facts: dict[str, Any] = {**kept.facts_of(seen, names, splits), "input": {**shape._asdict(), "whole": True}, "examples": []}
    return kept.Prepared(seen, facts, dict(splits))


# --- what was kept ------------------------------------------------------------------------------------------------------------


def preview(own: OwnPath, settings: Settings) -> Preview:
    """What is known before anything runs; raises RecipeError where nothing can be read at all."""
    return prepare(own, settings).preview


def keep(own: OwnPath, settings: Settings) -> str:
    """Read images and keep them; returns the name of their task. Raises RecipeError in words where they cannot be used."""
    return kept.keep(own, prepare(own, settings), settings)


described = partial(kept.described, TASK)
kept_preview = kept.kept_preview
read_kept = partial(kept.read_kept, TASK)
all_kept = partial(kept.all_kept, TASK)
