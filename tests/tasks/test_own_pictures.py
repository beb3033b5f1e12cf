"""A person's images as a task: a folder or a zip by class, fitted into one size, looked over, hostile files bounded."""

import io
import os
import re
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from kdui.catalogue.own_data import own_name, preview_of
from kdui.catalogue.tasks import load_task, own_task
from kdui.core.errors import RecipeError
from kdui.core.page_rows import Example
from kdui.modalities.image import prepare as image
from kdui.settings import Settings
from kdui.tasks.own_data import entries
from kdui.tasks.own_pictures import load
from kdui.ui.compare import Question, input_of
from kdui.ui.compare_view import examples_html
from tests.modalities.test_picture_files import png
from tests.tasks.own_files import digit_folder


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path / "home", launcher="inline", quickstart=False)


def zipped(folder, path, prefix=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, prefix + str(file.relative_to(folder)))
    return path


def told(preview):
    return " ".join(note.text for note in preview.notes)


def test_a_folder_and_its_zip_are_one_task(tmp_path, home):
    folder = digit_folder(tmp_path / "my digits")
    name = own_task(f"own-pictures:{folder}", home)
    facts, splits = load_task(name, home)
    assert name.startswith("own-pictures:my-digits@") and facts.labels == ("one", "two", "zero")
    assert facts.input == {"height": 8, "width": 8, "channels": 1, "whole": True}
    assert facts.splits == {"train": 84, "validation": 12, "test": 24}
    assert splits["train"].inputs.shape == (84, 8, 8, 1) and splits["train"].inputs.dtype == np.uint8
    assert own_task(f"own-pictures:{zipped(folder, tmp_path / 'my digits.zip', 'around/')}", home) == name
    assert own_name(str(folder), tmp_path, home) == f"own-pictures:{folder}"
    first = splits["test"].inputs[0]
    assert np.array_equal(image.parse(Image.fromarray(first[..., 0]), facts), first)  # an upload is not inverted or cut


def test_problems_are_counted_in_words(tmp_path, home):
    folder = digit_folder(tmp_path / "digits")
    shutil.copy(folder / "zero" / "0.png", folder / "zero" / "copy.png")
    shutil.copy(folder / "one" / "1.png", folder / "two" / "wrong.png")
    near = np.array(Image.open(folder / "zero" / "10.png"))
    Image.fromarray(np.clip(near.astype(int) + (near > 100), 0, 255).astype(np.uint8)).save(folder / "zero" / "near.png")
    Image.new("RGB", (40, 20), "red").save(folder / "zero" / "wide.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(folder / "zero" / "blank.png")
    (folder / "zero" / "broken.png").write_bytes(b"no image")
    (folder / "zero" / "bomb.png").write_bytes(png(60_000, 60_000))
    (folder / "notes.txt").write_text("x")
    Image.new("L", (8, 8)).save(folder / "loose.png")
    words = told(preview := preview_of(f"own-pictures:{folder}", home))
    for message in (
        "Left out: 2 images that cannot be read; the first is zero/bomb.png",
        "Left out: 1 files, no images.",
        "Left out: 1 files, images in no folder of a class.",
        "Left out: 1 images that are transparent all over.",
        "Left out: 2 images that occur with different labels.",
        "Left out: 1 images that are copies of another one.",
        "2 images are nearly the same as another one",
        "2 different sizes, from 8 × 8 to 40 × 20",
    ):
        assert message in words, words
    assert sum(preview.splits.values()) == 120 + 2 - 1 and dict(preview.read)["kept as"] == "8 × 8, colour"


def test_folders_of_splits_and_a_chosen_size(tmp_path, home):
    for split, source in (("train", "a"), ("val", "b"), ("test", "c")):
        shutil.copytree(digit_folder(tmp_path / source, 2, 30), tmp_path / "set" / split)
    shutil.rmtree(tmp_path / "set" / "val")
    preview = preview_of(f"own-pictures:{tmp_path}/set?size=16&colour=yes", home)
    assert "Left out: 60 images that are copies of one in a split that is measured (leakage)." in told(preview)
    assert preview.refusal == "There is no training data: all 60 images are test or validation data. Add images to train on."
    shutil.rmtree(tmp_path / "set" / "test")
    _, splits = load_task(own_task(f"own-pictures:{tmp_path}/set/train?size=16&colour=yes", home), home)
    assert splits["test"].inputs.shape[1:] == (16, 16, 3)
    with pytest.raises(RecipeError, match="size: a whole number of pixels from 8 to 224"):
        preview_of(f"own-pictures:{tmp_path}/set/train?size=4000", home)


def test_hostile_zips_and_folders_are_bounded(tmp_path, home, monkeypatch):
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/0.png", b"\0" * 40_000_000)  # 40 kB in the file; no more is unpacked than an image may have
        archive.writestr("../../b/1.png", b"\0")
    assert bomb.stat().st_size < 100_000
    preview = preview_of(f"own-pictures:{bomb}", home)
    assert preview.refusal == "No image can be read. Save them as PNG, JPEG, WebP or GIF."
    assert "at most 32 are taken" in told(preview) and not (tmp_path.parent / "b").exists()
    monkeypatch.setattr(entries, "MOST_BYTES", 10_000_000)
    with pytest.raises(RecipeError, match=r"holds more than 0\.0 GB"):
        preview_of(f"own-pictures:{bomb}", home)
    monkeypatch.setattr(entries, "MOST_FILES", 5)
    folder = digit_folder(tmp_path / "digits", 2, 4)
    with pytest.raises(RecipeError, match="more than 5 files"):
        preview_of(f"own-pictures:{folder}", home)
    monkeypatch.undo()
    monkeypatch.setattr(load, "MOST_LEVELS", 100)
    with pytest.raises(RecipeError, match="Choose a smaller size"):
        preview_of(f"own-pictures:{folder}", home)
    damaged = bytearray(zipped(folder, tmp_path / "digits.zip").read_bytes())
    (tmp_path / "cut.zip").write_bytes(damaged[: len(damaged) // 2])
    with pytest.raises(RecipeError, match="neither a folder nor a zip"):
        preview_of(f"own-pictures:{tmp_path}/cut.zip", home)
    os.symlink("/etc/hostname", folder / "zero" / "link.png")
    with pytest.raises(RecipeError, match="The page reads only files below"):
        preview_of(f"own-pictures:{folder}", home.model_copy(update={"own_files_only": True, "data_dir": tmp_path}))


def test_a_colour_example_of_compare_comes_back_as_it_was(tmp_path, home):
    facts, splits = load_task(own_task(f"own-pictures:{digit_folder(tmp_path / 'digits')}?colour=yes&size=12", home), home)
    first = splits["test"].inputs[0].copy()
    first[:, :6, 1] //= 2
    shown = examples_html([Example(index=0, truth="one", **image.shown(first))], ())
    assert "data-pixels" not in shown
    (source,) = re.findall(r'src="([^"]+)"', shown)
    request = Question(task=facts.name, models=("x",), picture=source)
    assert np.array_equal(image.parse(input_of(request), facts), first)


def test_a_phone_photograph_stands_upright(tmp_path):
    picture = Image.new("RGB", (40, 20), "white")
    exif = picture.getexif()
    exif[274] = 6  # turned by 90 degrees
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif)
    box = image.fitted(Image.open(file), 20, 20, 3)
    assert box[:, 0].max() < 20 and box[0].max() > 200  # upright: black at the sides, not above
