"""Takes a person's images with boxes in: fits them into a square, divides them, and keeps them under their digest."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdui.core.answer_facts import Boxes
from kdui.core.contracts import Split
from kdui.core.errors import KduiError
from kdui.core.own_names import OwnPath
from kdui.core.own_preview import SPLITS, Note, Preview
from kdui.settings import Settings
from kdui.tasks.boxes import Box, filled_up
from kdui.tasks.examples import Examples
from kdui.tasks.near_pictures import near_groups
from kdui.tasks.own_boxes.annotations import Annotated, Object, read_annotations
from kdui.tasks.own_boxes.spec import TASK
from kdui.tasks.own_data import annotated, kept
from kdui.tasks.own_data.annotated import Place, Square, fitted_image, require_room, square_of
from kdui.tasks.own_data.by_class import counted, keys_of, left_out, splits_said, wrong_classes
from kdui.tasks.own_data.dividing import Division, Labelled, divide_answers
from kdui.tasks.own_data.entries import MOST_FILES, opened

MOST_CLASSES, MOST_BOXES = 100, 200  # classes of objects; boxes of an image
FOUND = 64  # boxes that a model finds at most in an image
LEAST_OF_CLASS = 10  # boxes to learn from
LIMITS = f"Limits: {MOST_FILES:,} files, {annotated.LIMITS}, {MOST_CLASSES} classes, {MOST_BOXES} boxes an image."
_WANTED = "Write own-boxes:PATH with a folder or zip of images and their boxes in COCO's or Pascal VOC's form."


class Boxed(NamedTuple):
    """Images uint8 [n, side, side, channels], the boxes and the split of each, and what was left out."""

    levels: np.ndarray
    objects: list[list[tuple[str, int, int, int, int]]]
    given: list[str]
    broken: list[str]
    lost: Counter[str]


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    square, name = square_of(own.options, "own boxes"), Path(own.path).name
    with opened(own.path, _WANTED, settings) as entries:
        read = read_annotations(entries, name)
        require_room(len(read.images), square, square.channels)
        boxed = _boxed(read.images, square)
    notes = [*left_out({}, boxed.broken, "images"), *counted(boxed.lost + read.left)]
    names = sorted({each[0] for objects in boxed.objects for each in objects})
    said = ("images", f"{len(boxed.levels):,}"), ("form", read.form), ("kept as", f"{square.side} × {square.side}")
    seen = Preview(kind=own.kind, title=name, read=(*said, splits_said(boxed.given)), notes=tuple(notes), limits=LIMITS)
    if refusal := _wrong(names):
        return kept.Prepared(seen.model_copy(update={"refusal": refusal}), {}, {})
    return _divided(seen, boxed, names, square)


def _boxed(images: Sequence[Annotated], square: Square) -> Boxed:
    levels, objects, given, broken, lost = [], [], [], [], Counter[str]()
    for each in images:
        try:
            picture, place = fitted_image(each.image.read(), square)
        except KduiError as error:
            broken.append(f"{each.image.name}: {error}")
            continue
        moved = [_moved(item, place) for item in each.objects]
        own = [item for item in moved if item[3] > item[1] and item[4] > item[2]]
        lost["boxes that have no area at this size"] += len(moved) - len(own)
        lost[f"boxes beyond the first {MOST_BOXES} of an image"] += max(0, len(own) - MOST_BOXES)
        levels.append(picture)
        objects.append(own[:MOST_BOXES])
        given.append(each.split)
    stacked = np.stack(levels) if levels else np.empty((0, square.side, square.side, square.channels), np.uint8)
    return Boxed(stacked, objects, given, broken, +lost)


def _moved(item: Object, place: Place) -> tuple[str, int, int, int, int]:
    """A box in whole pixels of the square, cut off at the image's edge."""
    width, height = place.size
    left, top = place.moved(min(max(item.left, 0), width), min(max(item.top, 0), height))
    right, bottom = place.moved(min(max(item.right, 0), width), min(max(item.bottom, 0), height))
    return item.name, round(left), round(top), round(right), round(bottom)


def _wrong(names: Sequence[str]) -> str:
    if not names:
        return "No image with a box can be read. Check that the images lie beside their annotations."
    if len(names) > MOST_CLASSES:
        return f"There are {len(names):,} classes of objects; at most {MOST_CLASSES} are taken."
    return wrong_classes(set(names))


def _divided(seen: Preview, boxed: Boxed, names: Sequence[str], square: Square) -> kept.Prepared:
    number = {name: place for place, name in enumerate(names, start=1)}
    boxes: list[list[Box]] = [[(number[name], *sides) for name, *sides in objects] for objects in boxed.objects]  # type: ignore[misc]
    data = Labelled([str(sorted(each)) for each in boxes], keys_of(boxed.levels), near_groups(boxed.levels), boxed.given)
    division = divide_answers(data, "images")
    counts = {name: dict.fromkeys(SPLITS, 0) for name in names}
    for split, part in division.parts.items():
        for index in part:
            for name, *_ in boxed.objects[index]:
                counts[name][split] += 1
    seen = seen.model_copy(
        update={
            "notes": (*seen.notes, *division.notes, *_told(counts, boxed, division)),
            "classes": counts,
            "examples": {split: len(part) for split, part in division.parts.items()},
            "refusal": division.refusal,
        }
    )
    if division.refusal:
        return kept.Prepared(seen, {}, {})
    splits: dict[Split, Examples] = {
        split: Examples(boxed.levels[part], filled_up([boxes[index] for index in part]))
        for split, part in sorted(division.parts.items())
    }
    answer = Boxes(names=("background", *names))
    return kept.Prepared(seen, kept.answered_facts(seen, "Find the objects.", answer, square.shape), splits)


def _told(counts: dict[str, dict[Split, int]], boxed: Boxed, division: Division) -> list[Note]:
    notes = []
    if few := [name for name, own in counts.items() if own["train"] < LEAST_OF_CLASS or not own["test"]]:
        shown = ", ".join(f"“{name}”" for name in few[:5]) + (" …" if len(few) > 5 else "")
        text = f"Fewer than {LEAST_OF_CLASS} training boxes, or no test box, of {shown}: it is hardly learned or not measured."
        notes.append(Note(level="problem", text=text))
    many = sum(len(boxed.objects[index]) > FOUND for part in division.parts.values() for index in part)
    if many:
        text = f"{many:,} images have more than {FOUND} boxes; models find at most so many in an image."
        notes.append(Note(level="problem", text=text))
    empty = sum(not boxed.objects[index] for part in division.parts.values() for index in part)
    if empty:
        notes.append(Note(level="note", text=f"{empty:,} images without a box: nothing is to be found there."))
    return notes


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
