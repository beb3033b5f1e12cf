"""Images with a class for each pixel: scenes of our own making, and nuclei from a zip; the real ones where they can be had."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import SourceError
from kdui.tasks.composed_scenes.load import INK, composed
from kdui.tasks.fashion_mnist.load import load as load_items
from kdui.tasks.nuclei.load import load as load_nuclei
from kdui.tasks.nuclei.spec import CUT, FILE, SIDE
from tests.tasks.scenes import write_items


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    return load_items(write_items(tmp_path_factory.mktemp("items")))["train"]


def test_a_scene_holds_each_item_where_its_classes_say(items):
    random = np.random.RandomState(3)
    scenes = [composed(items, random) for _ in range(12)]
    assert {scene.levels.shape for scene in scenes} == {(128, 128)} and {len(scene.boxes) for scene in scenes} >= {2, 3}
    for scene in scenes:
        for label, left, top, right, bottom in scene.boxes:
            inside = scene.classes[top:bottom, left:right]
            assert (inside == label).any(0).all() and (inside == label).any(1).any() and 1 <= label <= 10
        labels = sorted(label for label, *_ in scene.boxes)
        assert sorted(np.unique(scene.classes)) == sorted({0, *labels})  # nothing else, and nothing covered up
        paper = np.median(scene.levels[scene.classes == 0])
        assert 15 <= paper <= 95
        assert scene.levels[scene.classes > 0].min() >= INK - 30  # an item's pixels are its own, with the noise


def test_scenes_are_the_same_every_time_and_name_their_items(items):
    first, again = (composed(items, np.random.RandomState(9)) for _ in range(2))
    assert np.array_equal(first.levels, again.levels) and first.boxes == again.boxes
    answer = TASKS["composed-scenes"].answer
    assert set(answer.truth(first.classes).split(", ")) == {answer.names[label] for label, *_ in first.boxes}
    assert answer.truth(np.zeros((4, 4), int)) == "only background"


def png(levels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def write_zip(folder: Path, count: int, **changed: bytes) -> None:
    """Like the real one: 16-bit numbers of nuclei, images of several sizes and modes."""
    random = np.random.RandomState(5)
    with zipfile.ZipFile(folder / FILE, "w") as archive:
        for number in range(count):
            height, width = ((256, 256), (260, 347))[number % 2]
            labels = np.zeros((height, width), np.uint16)
            left = 60 + 3 * number
            labels[100:160, left : left + 80] = 300 + number
            levels = np.where(labels > 0, 200, 20).astype(np.uint8) + random.randint(0, 20, labels.shape).astype(np.uint8)
            image = np.stack([levels, levels // 2, levels], -1) if number % 4 == 0 else levels
            for kind, data in (("images", png(image)), ("labels", png(labels))):
                archive.writestr(f"{kind}/{number:03}.png", changed.get(f"{kind}_{number}", data))


def test_nuclei_are_read_whatever_their_size_and_mode(tmp_path):
    write_zip(tmp_path, 20)
    splits = load_nuclei(tmp_path)
    assert sum(map(len, splits.values())) == 20 and len(splits["test"]) >= 4
    for split in splits.values():
        assert split.inputs.shape[1:] == (SIDE, SIDE, 3) and set(np.unique(split.targets)) == {0, 1}
        bright = split.inputs[..., 0] > 128
        assert np.mean(bright == (split.targets == 1)) > 0.99  # the mask lies where the nucleus is
    coloured = [(split.inputs[..., 0] != split.inputs[..., 1]).any((1, 2)).sum() for split in splits.values()]
    assert sum(coloured) == 5 and coloured[2] >= 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"labels_3": png(np.zeros((256, 300), np.uint16))}, r"003.png has 347 × 260 pixels, its mask 300 × 256"),
        (
            {f"{kind}_2": png(np.zeros((100, 300), np.uint8)) for kind in ("images", "labels")},
            f"002.png has 300 × 100 pixels, fewer than {CUT} × {CUT}",
        ),
        ({"images_1": b"no image"}, "cannot identify image file"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, changed, words):
    write_zip(tmp_path, 4, **changed)
    with pytest.raises((ValueError, OSError), match=words):
        load_nuclei(tmp_path)


def test_near_equal_images_are_in_one_split(tmp_path):
    random = np.random.RandomState(1)
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        for number in range(20):
            if number % 4 == 0:
                coarse = random.randint(0, 255, (16, 16)).astype(np.uint8)
                levels = np.asarray(Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC)).copy()
            levels[number % 4, :8] = 255  # hardly another image
            archive.writestr(f"images/{number:02}.png", png(levels))
            archive.writestr(f"labels/{number:02}.png", png((levels > 128).astype(np.uint16)))
    splits = load_nuclei(tmp_path)
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [12, 4, 4]


def test_the_real_nuclei_are_what_the_facts_promise(settings):
    folder = os.environ.get("KDUI_DATA_DIR")
    try:
        facts, splits = load_task("nuclei", settings.model_copy(update={"data_dir": Path(folder) if folder else None}))
    except SourceError as error:
        pytest.skip(f"the images cannot be had here: {error}")
    shares = [float(split.targets.mean()) for split in splits.values()]
    assert facts.splits == {name: len(split) for name, split in splits.items()} and all(0.12 < share < 0.18 for share in shares)
