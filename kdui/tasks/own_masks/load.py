"""Takes a person's images with masks in: fits both into a square, divides them, and keeps them under their digest."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdui.core.answer_facts import Mask
from kdui.core.contracts import Split
from kdui.core.errors import KduiError, RecipeError
from kdui.core.own_names import OwnPath
from kdui.core.own_preview import SPLITS, Note, Preview
from kdui.modalities.image.picture_files import read_classes
from kdui.settings import Settings
from kdui.tasks.examples import Examples
from kdui.tasks.near_pictures import near_groups
from kdui.tasks.own_data import annotated, kept
from kdui.tasks.own_data.annotated import ENDINGS, Square, fitted_image, fitted_mask, require_room, square_of, stems
from kdui.tasks.own_data.by_class import keys_of, left_out, splits_said
from kdui.tasks.own_data.dividing import LONGEST_LABEL, Labelled, divide_answers
from kdui.tasks.own_data.entries import MOST_FILES, Entry, opened, split_of_folders
from kdui.tasks.own_masks.spec import TASK

OPTIONS = ("size", "colour", "names", "instances")
MOST_CLASSES = 32  # the background among them
FOLDERS = {
    **dict.fromkeys(("masks", "mask", "labels", "labels_png", "annotations", "segmentationclass", "gt", "targets"), "mask"),
    **dict.fromkeys(("images", "image", "img", "imgs", "jpegimages", "inputs", "photos"), "image"),
}
BYTES_OF_CLASS = 8  # of a pixel's class as it is kept
_MASK_NAME = re.compile(r"[_-](mask|label|labels|seg|gt)$", re.IGNORECASE)
LIMITS = (
    f"Limits: {MOST_FILES:,} files, {annotated.LIMITS}, {MOST_CLASSES} classes with the background. Two touching objects are one."
)
_WANTED = "Write own-masks:PATH with a folder or zip that holds folders images and masks, or NAME.jpg beside NAME_mask.png."


class Pair(NamedTuple):
    """An image and its mask."""

    image: Entry
    mask: Entry


class Masked(NamedTuple):
    """Images uint8 [n, side, side, channels], masks int64 [n, side, side] of the files' own numbers, and the split of each."""

    levels: np.ndarray
    masks: np.ndarray
    given: list[str]
    broken: list[str]


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    if unknown := sorted(set(own.options) - set(OPTIONS)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of own masks. There are {', '.join(OPTIONS)}.")
    square = square_of({key: own.options[key] for key in annotated.OPTIONS if key in own.options}, "own masks")
    if own.options.get("instances", "no") not in ("yes", "no"):
        raise RecipeError("instances: yes or no.")
    name = Path(own.path).name
    with opened(own.path, _WANTED, settings) as entries:
        pairs, others = _pairs(entries)
        if not pairs:
            raise RecipeError(f"{name} holds no image with a mask. {_WANTED}")
        require_room(len(pairs), square, BYTES_OF_CLASS)
        masked = _masked(pairs, square)
    notes = left_out(others, masked.broken, "images")
    said = ("images", f"{len(masked.levels):,}"), ("kept as", f"{square.side} × {square.side}"), splits_said(masked.given)
    seen = Preview(kind=own.kind, title=name, read=said, notes=tuple(notes), limits=LIMITS)
    masks, numbers = masked.masks, _numbers(masked.masks)
    if own.options.get("instances") == "yes":
        masks, numbers = (masks > 0).astype(np.int64), [1] if numbers else []
    if refusal := _wrong(numbers, masked):
        return kept.Prepared(seen.model_copy(update={"refusal": refusal}), {}, {})
    names = _names(own.options.get("names"), numbers)
    order = np.array([0, *numbers])
    classes = np.searchsorted(order, masks)
    return _divided(seen, masked._replace(masks=classes), names, square)


def _pairs(entries: Sequence[Entry]) -> tuple[list[Pair], Counter[str]]:
    """Images with the mask of their name: in a folder beside theirs, or with a name that says it is one."""
    images: dict[tuple[str, ...], Entry] = {}
    masks: dict[tuple[str, ...], Entry] = {}
    others = Counter[str]()
    for entry in entries:
        if not entry.name.lower().endswith(ENDINGS):
            others["no images"] += 1
            continue
        folders, stem = [folder.lower() for folder in entry.parts[:-1]], stems([entry.name])[0]
        kind = next((FOLDERS[folder] for folder in reversed(folders) if folder in FOLDERS), "")
        around = tuple(folder for folder in folders if folder not in FOLDERS)
        said = _MASK_NAME.search(stem) is not None
        (masks if kind == "mask" or (said and not kind) else images)[*around, _MASK_NAME.sub("", stem)] = entry
    others["images without a mask"] = len(images.keys() - masks.keys())
    others["masks without an image"] = len(masks.keys() - images.keys())
    return [Pair(images[key], masks[key]) for key in sorted(images.keys() & masks.keys())], +others


def _masked(pairs: Sequence[Pair], square: Square) -> Masked:
    levels, masks, given, broken = [], [], [], []
    for pair in pairs:
        try:
            picture, place = fitted_image(pair.image.read(), square)
            classes = read_classes(pair.mask.read())
            if classes.shape != place.size[::-1]:
                width, height = place.size
                raise KduiError(f"it has {width} × {height} pixels, its mask {classes.shape[1]} × {classes.shape[0]}.")
        except KduiError as error:
            broken.append(f"{pair.image.name}: {error}")
            continue
        levels.append(picture)
        masks.append(fitted_mask(classes, place, square.side))
        given.append(split_of_folders(pair.image.parts))
    if not levels:
        raise RecipeError(f"No image can be read with its mask; the first is {broken[0]}")
    return Masked(np.stack(levels), np.stack(masks), given, broken)


def _numbers(masks: np.ndarray) -> list[int]:
    """The numbers that occur beside 0, which is the background."""
    found = np.unique(np.concatenate([np.unique(mask) for mask in masks]))
    return [int(number) for number in found if number]


def _wrong(numbers: Sequence[int], masked: Masked) -> str:
    if not numbers:
        return "All masks are empty: each pixel is 0. Mark something, with a number or a colour for each class."
    if len(numbers) >= MOST_CLASSES:
        return (
            f"The masks hold {len(numbers):,} numbers or colours beside 0; at most {MOST_CLASSES - 1} classes are taken. If they "
            "number objects, write instances=yes: all of them are one class then."
        )
    return ""


def _names(wanted: str | None, numbers: Sequence[int]) -> tuple[str, ...]:
    """The names of the classes, the background first; raises RecipeError where others were wished than there are."""
    if wanted is None:
        coloured = max(numbers) > 65_535
        return "background", *((f"colour #{number:06x}" if coloured else f"class {number}") for number in numbers)
    given = tuple(" ".join(name.split()) for name in wanted.split(","))
    if (
        len(given) != len(numbers)
        or len({"background", *given}) != len(given) + 1
        or not all(0 < len(name) <= LONGEST_LABEL for name in given)
    ):
        shown = ", ".join(map(str, numbers[:10]))
        raise RecipeError(
            f"names: one for each of the {len(numbers)} classes beside the background ({shown}), separated by commas."
        )
    return "background", *given


def _divided(seen: Preview, masked: Masked, names: tuple[str, ...], square: Square) -> kept.Prepared:
    keys = keys_of(masked.levels)
    data = Labelled(keys_of(masked.masks), keys, near_groups(masked.levels), masked.given)
    division = divide_answers(data, "images")
    counts = {name: dict.fromkeys(SPLITS, 0) for name in names}
    for split, part in division.parts.items():
        for index in part:
            for number in np.unique(masked.masks[index]):
                counts[names[number]][split] += 1
    few = [name for name, own in counts.items() if not own["train"] or not own["test"]]
    told = [Note(level="problem", text=f"Not in training and test images alike: {', '.join(few[:5])}.")] if few else []
    seen = seen.model_copy(
        update={
            "notes": (*seen.notes, *division.notes, *told),
            "classes": counts,
            "examples": {split: len(part) for split, part in division.parts.items()},
            "refusal": division.refusal,
        }
    )
    if division.refusal:
        return kept.Prepared(seen, {}, {})
    splits: dict[Split, Examples] = {
        split: Examples(masked.levels[part], masked.masks[part]) for split, part in sorted(division.parts.items())
    }
    facts = kept.answered_facts(seen, "Tell the class of each pixel.", Mask(names=names), square.shape)
    return kept.Prepared(seen, facts, splits)


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
