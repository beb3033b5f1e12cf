"""Images with boxes: the scenes of segmentation, and blood cells from a zip; the real ones where they can be had."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import SourceError
from kdui.tasks.blood_cells.load import load as load_cells
from kdui.tasks.blood_cells.spec import FILE
from kdui.tasks.boxes import filled_up


def test_boxes_are_filled_up_with_zeros():
    assert filled_up([[(1, 2, 3, 4, 5)], []]).tolist() == [[[1, 2, 3, 4, 5]], [[0] * 5]]
    assert filled_up([[], []], most=2).shape == (2, 2, 5)


def annotation(*objects: tuple[str, int, int, int, int]) -> str:
    inside = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax>"
        "</bndbox></object>"
        for name, left, top, right, bottom in objects
    )
    return f"<annotation>{inside}</annotation>"


def write_zip(folder: Path, **changed: str) -> None:
    """Like the real one, with an image a split; one object of it has no area."""
    objects = [("RBC", 100, 40, 200, 160), ("Platelets", 504, 337, 504, 337), ("WBC", 301, 201, 639, 479)]
    with zipfile.ZipFile(folder / FILE, "w") as archive:
        for stem, name in (("a", "train"), ("b", "val"), ("c", "test")):
            archive.writestr(f"BCCD/ImageSets/Main/{name}.txt", f"{stem}\n")
            levels = np.full((480, 640, 3), 240, np.uint8)
            levels[40:160, 100:200] = (180, 60, 60)
            buffer = io.BytesIO()
            Image.fromarray(levels).save(buffer, "JPEG", quality=95)
            archive.writestr(f"BCCD/JPEGImages/{stem}.jpg", buffer.getvalue())
            archive.writestr(f"BCCD/Annotations/{stem}.xml", changed.get(stem, annotation(*objects)))


def test_cells_and_their_boxes_are_halved(tmp_path):
    write_zip(tmp_path)
    splits = load_cells(tmp_path)
    assert {name: split.inputs.shape for name, split in splits.items()} == dict.fromkeys(
        ("train", "validation", "test"), (1, 240, 320, 3)
    )
    assert splits["train"].targets.tolist() == [[[1, 50, 20, 100, 80], [2, 150, 100, 320, 240]]]
    inside = splits["train"].inputs[0, 20:80, 50:100]
    assert inside[..., 1].max() < 120 and splits["train"].inputs[0, 90:, :40].min() > 230  # the box lies where the cell is
    assert TASKS["blood-cells"].answer.truth(splits["test"].targets[0]) == "1 red cell, 1 white cell"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (annotation(("Cat", 1, 1, 9, 9)), "b.xml names an object 'Cat', which is none of RBC, WBC, Platelets"),
        ("<annotation><object><name>RBC</name></object></annotation>", "b.xml has an object without a whole box"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "b.xml is no plain annotation"),
    ],
)
def test_annotations_that_do_not_fit_are_named(tmp_path, text, words):
    write_zip(tmp_path, b=text)
    with pytest.raises(ValueError, match=words):
        load_cells(tmp_path)


def test_the_real_cells_are_what_the_facts_promise(settings):
    folder = os.environ.get("KDUI_DATA_DIR")
    try:
        facts, splits = load_task("blood-cells", settings.model_copy(update={"data_dir": Path(folder) if folder else None}))
    except SourceError as error:
        pytest.skip(f"the images cannot be had here: {error}")
    counts = [np.bincount(split.targets[..., 0].ravel(), minlength=4)[1:].tolist() for split in splits.values()]
    assert facts.splits == {name: len(split) for name, split in splits.items()}
    assert sum(map(sum, counts)) == 4886 and np.sum(counts, 0).tolist() == [4153, 372, 361]
