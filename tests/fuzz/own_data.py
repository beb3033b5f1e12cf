"""A person's own data beside texts and pictures: annotations, tables of pairs and ratings, questions, zips of sounds.

Each is looked over as Build's dialog does before anything is kept; files beside the changed one are whole.
"""

import io
import json
import random
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from kdui.catalogue.own_data import preview_of
from kdui.core.own_names import BOXES, MASKS, PAIRS, RATINGS, SOUNDS, SPANS, TRANSCRIPTS, OwnPath
from kdui.settings import Settings
from tests.fuzz.mutations import bytes_of, text_of, value_of, zipped
from tests.tasks.own_files import scenes, wav

Files = dict[str, bytes]
COUNT = 24  # rows of a table, from which data can be divided
FEW = 4  # images and sounds: decoding them is most of a case's time


@cache
def images() -> tuple[tuple[bytes, bytes], ...]:
    """PNG files of a scene and of its mask."""
    return tuple((_png(picture), _png(mask)) for picture, mask, _ in scenes(FEW))


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


COCO: dict[str, Any] = {
    "images": [{"id": place, "file_name": f"{place}.png"} for place in range(FEW)],
    "annotations": [{"image_id": place, "category_id": 7, "bbox": [1, 2, 9.5, 9], "iscrowd": 0} for place in range(FEW)],
    "categories": [{"id": 7, "name": "square"}],
}
VOC = (
    '<?xml version="1.0" encoding="utf-8"?><annotation><filename>0.png</filename><object><name>a b</name><bndbox><xmin>1</xmin>'
    "<ymin>2</ymin><xmax>10</xmax><ymax>11</ymax></bndbox></object></annotation>"
)
BEFORE = "The river near this town is "
SQUAD: dict[str, Any] = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": f"{BEFORE}R{place} .",
                    "qas": [{"question": f"Which is {place}?", "answers": [{"text": f"R{place}", "answer_start": len(BEFORE)}]}],
                }
                for place in range(COUNT)
            ]
        }
    ]
}
PAIR_TABLE = "english\tgerman\n" + "".join(f"house {place}\tHaus {place}\n" for place in range(COUNT))
RATING_TABLE = "user,item,rating,timestamp\n" + "".join(
    f"p{place % 8},book {place * 5 % 21},{place % 5},{1000 * place if place % 2 else f'2026-01-{1 + place % 28:02}'}\n"
    for place in range(8 * COUNT)
)
SAID = [{"file": f"{place}.wav", "text": ("Yes, no!", "maybe")[place % 2], "speaker": f"s{place}"} for place in range(FEW)]


def json_of(valid: Any, draw: random.Random) -> bytes:
    """As a value or, a third of the time, as a text with changes."""
    if draw.random() < 0.33:
        return text_of([json.dumps(valid)], draw).encode("utf-8", "surrogatepass")
    return json.dumps(value_of(valid, draw)).encode()


def coco(draw: random.Random) -> Files:
    return {f"{place}.png": picture for place, (picture, _) in enumerate(images())} | {"boxes.json": json_of(COCO, draw)}


def voc(draw: random.Random) -> Files:
    """An annotation as text or bytes, beside the list of a split."""
    changed = text_of([VOC], draw).encode("utf-8", "surrogatepass") if draw.random() < 0.6 else bytes_of([VOC.encode()], draw)
    lists = bytes_of([b"0\n1\n"], draw)
    return {"0.png": images()[0][0], "0.xml": changed, "ImageSets/Main/train.txt": lists}


def masks(draw: random.Random) -> Files:
    """One mask of them changed."""
    files = {f"images/{place}.png": picture for place, (picture, _) in enumerate(images())}
    files |= {f"masks/{place}.png": mask for place, (_, mask) in enumerate(images())}
    chosen = f"masks/{draw.randrange(FEW)}.png"
    return files | {chosen: bytes_of([files[chosen]], draw)}


@cache
def sounds() -> tuple[bytes, ...]:
    return tuple(wav(0.05, 300 + 100 * place, place) for place in range(FEW))


@cache
def sound_zips() -> tuple[bytes, ...]:
    files = {f"{('low', '../high')[place % 2]}/{place}.wav": sound for place, sound in enumerate(sounds())}
    return tuple(zipped(files, how) for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))


def sound_zip(draw: random.Random) -> Files:
    return {"sounds.zip": bytes_of([*sound_zips()], draw)}


def transcripts(draw: random.Random) -> Files:
    """The table or a sound changed."""
    files = {f"{place}.wav": sound for place, sound in enumerate(sounds())}
    rows = json_of(SAID, draw) if draw.random() < 0.7 else json.dumps(SAID).encode()
    chosen = f"{draw.randrange(FEW)}.wav"
    return files | {"list.json": rows, chosen: bytes_of([files[chosen]], draw) if draw.random() < 0.3 else files[chosen]}


def one_file(name: str, valid: str) -> Callable[[random.Random], Files]:
    """A table, changed as text or as bytes."""

    def made(draw: random.Random) -> Files:
        if draw.random() < 0.5:
            return {name: text_of([valid], draw).encode("utf-8", "surrogatepass")}
        return {name: bytes_of([valid.encode()], draw)}

    return made


def read_own(kind: str, name: str = "") -> Callable[[Files, Path], object]:
    """Looks the folder over, or the file ``name`` in it."""

    def read(files: Files, folder: Path) -> object:
        for place, data in files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(data)
        settings = Settings(home=folder.parent, quickstart=False, offline=True, own_files_only=True)
        return preview_of(str(OwnPath(kind, str(folder / name))), settings)

    return read


def squad(draw: random.Random) -> Files:
    return {"own.json": json_of(SQUAD, draw)}


# What makes the files of a case, which of them is named (none: their folder), and how many a test tries.
OWN_DATA: dict[str, tuple[Callable[[random.Random], Files], Callable[[Files, Path], object], int]] = {
    "boxes of COCO": (coco, read_own(BOXES), 60),
    "boxes of VOC": (voc, read_own(BOXES), 150),
    "masks": (masks, read_own(MASKS), 60),
    "sound zip": (sound_zip, read_own(SOUNDS, "sounds.zip"), 100),
    "transcripts": (transcripts, read_own(TRANSCRIPTS), 60),
    "questions": (squad, read_own(SPANS, "own.json"), 60),
    "pairs": (one_file("pairs.tsv", PAIR_TABLE), read_own(PAIRS, "pairs.tsv"), 100),
    "ratings": (one_file("ratings.csv", RATING_TABLE), read_own(RATINGS, "ratings.csv"), 100),
}
