"""Reads boxes as annotation tools write them: COCO's JSON (Lin et al. 2014, arXiv:1405.0312) and Pascal VOC's XML."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

from kdui.core.errors import RecipeError
from kdui.core.own_preview import SPLIT_NAMES
from kdui.tasks.own_data.annotated import ENDINGS, stems
from kdui.tasks.own_data.entries import ByName, Entry, split_of_folders
from kdui.tasks.own_texts.files import split_in

MOST_XML = 1_000_000  # bytes of an annotation in XML: real ones have 10 KB
_SIDES = ("xmin", "ymin", "xmax", "ymax")


class Object(NamedTuple):
    """One box in pixels of the image as it is; right and bottom lie outside."""

    name: str
    left: float
    top: float
    right: float
    bottom: float


class Annotated(NamedTuple):
    """An image with its objects and the split that is said of it, "" for none."""

    image: Entry
    objects: tuple[Object, ...]
    split: str


class Read(NamedTuple):
    """The images of all annotations; ``form``: COCO or Pascal VOC; ``left``: what was not used, counted in words."""

    images: list[Annotated]
    form: str
    left: Counter[str]


def read_annotations(entries: Sequence[Entry], name: str) -> Read:
    """The annotations among the files; raises RecipeError in words where there are none, or not in one of the forms."""
    files, left = ByName([entry for entry in entries if entry.name.lower().endswith(ENDINGS)]), Counter[str]()
    coco = [(entry, whole) for entry in entries if entry.name.lower().endswith(".json") and (whole := _coco(entry)) is not None]
    if coco:
        found = [each for entry, whole in coco for each in _of_coco(entry, whole, files, left, several=len(coco) > 1)]
        return Read(found, "COCO", left)
    xml = [entry for entry in entries if entry.name.lower().endswith(".xml")]
    if xml:
        lists = _lists(entries)
        return Read([each for entry in xml if (each := _of_voc(entry, files, lists, left)) is not None], "Pascal VOC", left)
    raise RecipeError(
        f"{name} holds neither a JSON file in COCO's form (images, annotations, categories) nor XML files in Pascal VOC's. "
        "Export your boxes as one of them, beside the images."
    )


# --- COCO ---------------------------------------------------------------------------------------------------------------------


def _coco(entry: Entry) -> dict[str, Any] | None:
    try:
        whole = json.loads(entry.read())
    except (ValueError, RecursionError):
        return None
    wanted = isinstance(whole, dict) and all(isinstance(whole.get(key), list) for key in ("images", "annotations", "categories"))
    return whole if wanted else None


def _of_coco(entry: Entry, whole: dict[str, Any], files: ByName, left: Counter[str], several: bool) -> Iterator[Annotated]:
    split = split_in(entry.name) if several else ""
    try:
        names = {each["id"]: " ".join(str(each["name"]).split()) for each in whole["categories"]}
        objects: dict[Any, list[Object]] = {}
        for each in whole["annotations"]:
            if each.get("iscrowd"):
                left["boxes around crowds"] += 1
                continue
            x, y, width, height = (float(side) for side in each["bbox"])
            if not math.isfinite(x + y + width + height):
                raise ValueError("a box has a side that is no number")
            objects.setdefault(each["image_id"], []).append(Object(names[each["category_id"]], x, y, x + width, y + height))
        for each in whole["images"]:
            image = files.find(str(each["file_name"]), entry)
            if image is None:
                left["images that are annotated but not there"] += 1
            else:
                yield Annotated(image, tuple(objects.get(each["id"], ())), split or split_of_folders(image.parts))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RecipeError(
            f"{entry.name} is not in COCO's form ({type(error).__name__}: {error}). An annotation has image_id, category_id and "
            "bbox: left, top, width, height."
        ) from None


# --- Pascal VOC ---------------------------------------------------------------------------------------------------------------


def _lists(entries: Sequence[Entry]) -> dict[str, str]:
    """The split of each image by the lists of VOC's ImageSets; empty where there are none."""
    found: dict[str, str] = {}
    for entry in entries:
        kind = SPLIT_NAMES.get(stems([entry.name])[0].lower(), "")
        if kind and "ImageSets" in entry.parts and entry.name.lower().endswith(".txt"):
            for line in entry.read().decode("utf-8", errors="replace").splitlines():
                if line.strip():
                    found[line.split()[0]] = kind
    return found


def _of_voc(entry: Entry, files: ByName, lists: dict[str, str], left: Counter[str]) -> Annotated | None:
    text, stem = entry.read(), stems([entry.name])[0]
    try:
        if len(text) > MOST_XML or b"<!" in text:  # declarations can make a small file enormous
            raise ValueError("it is no plain annotation")
        root = ElementTree.fromstring(text)
        if root.tag != "annotation":
            left["XML files that are no annotations"] += 1
            return None
        objects = tuple(_object(each) for each in root.iter("object"))
    except (ValueError, LookupError, ElementTree.ParseError) as error:  # LookupError: an encoding that nobody knows
        raise RecipeError(
            f"{entry.name} is not in Pascal VOC's form ({error}). It has an <object> for each box, with <name> and <bndbox>: "
            "xmin, ymin, xmax, ymax."
        ) from None
    named = (root.findtext("filename") or "", *(stem + ending for ending in (*ENDINGS, *map(str.upper, ENDINGS))))
    image = next((found for name in named if name and (found := files.find(name, entry)) is not None), None)
    if image is None:
        left["images that are annotated but not there"] += 1
        return None
    return Annotated(image, objects, lists.get(stem) or split_of_folders(image.parts))


def _object(each: ElementTree.Element) -> Object:
    name = " ".join((each.findtext("name") or "").split())
    sides = [float(each.findtext(f"bndbox/{side}") or "nan") for side in _SIDES]
    if not name or not all(map(math.isfinite, sides)):
        raise ValueError("an object has no name or no whole box")
    return Object(name, *sides)
