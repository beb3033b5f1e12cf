"""Images: what a graph takes, and what a person drew or uploaded."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn.svm import SVC

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import KduiError, UnknownName
from kdui.modalities import modality_of
from kdui.modalities.image import prepare as image

DIGITS, FASHION = TASKS["digits"], TASKS["fashion-mnist"]
NOWHERE = Path("unused")


def test_the_module_is_found_by_modality():
    assert modality_of("image") is image
    with pytest.raises(UnknownName, match="no kind of input called 'smell'"):
        modality_of("smell")


def test_prepare_gives_channels_first_fractions():
    raw = np.array([[[[0], [51]], [[102], [255]]]], dtype=np.uint8)
    pixels = image.prepare(raw, {"height": 2, "width": 2, "channels": 1}, NOWHERE)["pixels"]
    assert (pixels.dtype, pixels.shape) == (np.float32, (1, 1, 2, 2))
    assert np.allclose(pixels[0, 0], [[0, 0.2], [0.4, 1]])
    same = image.prepare(list(raw), {"height": 2, "width": 2, "channels": 1}, NOWHERE)["pixels"]
    assert np.array_equal(pixels, same)


def test_prepare_resizes_repeats_and_normalises_for_a_checkpoint():
    raw = np.full((3, 8, 8, 1), 102, dtype=np.uint8)
    wishes = {"size": 32, "channels": 3, "mean": [0.4, 0.2, 0.0], "std": [1.0, 0.5, 0.1]}
    pixels = image.prepare(raw, wishes, NOWHERE)["pixels"]
    assert pixels.shape == (3, 3, 32, 32)
    assert np.allclose(pixels.mean(axis=(0, 2, 3)), [0.0, 0.4, 4.0], atol=1e-5)
    colour = np.array([[[[255, 0, 0], [0, 255, 0]]]], dtype=np.uint8)
    grey = image.prepare(colour, {"height": 1, "width": 2, "channels": 1}, NOWHERE)["pixels"]
    assert np.allclose(grey.ravel(), [76 / 255, 150 / 255])


def stroke(ink=0, paper=255, size=(300, 200), at=(40, 30)) -> Image.Image:
    """A thick L of 60 × 90 pixels somewhere on a sheet."""
    picture = Image.new("L", size, paper)
    draw = ImageDraw.Draw(picture)
    x, y = at
    draw.rectangle([x, y, x + 19, y + 89], fill=ink)
    draw.rectangle([x, y + 70, x + 59, y + 89], fill=ink)
    return picture


def drawing_pad(picture: Image.Image) -> dict:
    """The value of a drawing pad: dark ink on a transparent layer over nothing."""
    ink = np.asarray(picture) < 128
    layer = np.zeros((*ink.shape, 4), dtype=np.uint8)
    layer[ink] = (20, 20, 20, 255)
    return {"background": None, "layers": [layer], "composite": layer}


def test_one_drawing_in_every_form_gives_one_example():
    expected = image.parse(stroke(), DIGITS)
    assert (expected.shape, expected.dtype, expected.max()) == ((8, 8, 1), np.uint8, 255)
    assert expected[0].max() == 255 and expected[7].max() == 255, "it reaches from the first row to the last"
    assert expected[0, 0, 0] == 0, "the paper is black"
    white_on_transparent = np.dstack([np.full((200, 300, 3), 255, np.uint8), 255 - np.asarray(stroke())])
    pad = drawing_pad(stroke())
    forms = [
        stroke(at=(200, 100)),
        stroke(ink=255, paper=0),
        stroke(ink=230, paper=30),
        np.asarray(stroke()),
        np.asarray(stroke())[..., None],
        np.asarray(stroke().convert("RGB")),
        np.asarray(stroke()) > 128,
        np.asarray(stroke()) / 255,
        Image.fromarray(white_on_transparent),
        pad,
        {**pad, "composite": None},
    ]
    for number, form in enumerate(forms):
        assert np.array_equal(image.parse(form, DIGITS), expected), number


def test_a_drawing_is_centred_by_its_mass():
    bar = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(bar).rectangle([5, 10, 15, 89], fill=0)
    example = image.parse(bar, FASHION)[..., 0].astype(float)
    columns = example.sum(axis=0)
    assert abs(columns @ np.arange(28) / columns.sum() - 13.5) <= 0.5
    assert (example[0].max(), example[27].max()) == (255, 255)


def test_redrawn_test_digits_are_recognised(settings):
    """Test digits blown up, moved and inked on a large sheet still look to a classifier like those of the data set."""
    _, splits = load_task("digits", settings)

    def features(pictures):
        return image.prepare(pictures, DIGITS.input, NOWHERE)["pixels"].reshape(len(pictures), -1)

    classifier = SVC(gamma=0.16, C=5).fit(features(splits["train"].inputs), splits["train"].targets)
    random, drawn = np.random.RandomState(0), []
    for example in splits["test"].inputs:
        ink = np.asarray(Image.fromarray(example[..., 0]).resize((240, 240), Image.Resampling.NEAREST))
        sheet = np.full((400, 500), 255, dtype=np.uint8)
        top, left = random.randint(10, 150), random.randint(10, 250)
        sheet[top : top + 240, left : left + 240] = 255 - ink
        drawn.append(image.parse(sheet, DIGITS))
    assert classifier.score(features(drawn), splits["test"].targets) > 0.95


def test_an_uploaded_product_image_looks_like_the_data_set(settings):
    _, splits = load_task("fashion-mnist", settings)
    alike = []
    for example in splits["test"].inputs[:100]:
        ink = np.asarray(Image.fromarray(example[..., 0]).resize((560, 560), Image.Resampling.NEAREST))
        sheet = np.full((700, 800), 255, dtype=np.uint8)
        sheet[70:630, 100:660] = 255 - ink
        parsed = image.parse(Image.fromarray(sheet), FASHION).astype(float)
        alike.append(np.corrcoef(parsed.ravel(), example.ravel())[0, 1])
    assert np.mean(alike) > 0.8, "it fills the frame and lies on black like the data; the scale alone differs where that did not"


def test_an_example_of_the_task_stays_as_it_is(settings):
    _, splits = load_task("fashion-mnist", settings)
    bright = splits["test"].inputs[np.argmax(splits["test"].inputs.mean(axis=(1, 2, 3)))]
    assert np.array_equal(image.parse(bright, FASHION), bright)
    assert np.array_equal(image.parse(bright[..., 0], FASHION), bright)
    assert np.array_equal(image.parse(bright[..., 0].tolist(), FASHION), bright)


def test_a_photograph_is_fitted_whole():
    gradient = np.tile(np.linspace(0, 255, 280), (140, 1)).astype(np.uint8)
    example = image.parse(Image.fromarray(gradient), FASHION)[..., 0]
    rows = np.flatnonzero(example.any(axis=1))
    assert (rows[0], rows[-1]) == (7, 20), "its proportions are kept: 28 × 14"
    assert np.all(np.diff(example[10].astype(int)) > 0)


def test_colour_tasks_keep_their_colours():
    facts = FASHION.model_copy(update={"input": {"height": 4, "width": 4, "channels": 3}})
    example = image.parse(Image.new("RGB", (40, 40), (200, 10, 10)), facts)
    assert example.shape == (4, 4, 3)
    assert example[2, 2].tolist() == [200, 10, 10]


@pytest.mark.parametrize(
    "blank",
    [
        None,
        {"background": None, "layers": [], "composite": None},
        np.full((100, 100), 255, np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((100, 100, 4), np.uint8),
        Image.new("RGB", (50, 50), "white"),
        {"background": None, "layers": [np.zeros((50, 50, 4), np.uint8)], "composite": np.zeros((50, 50, 4), np.uint8)},
    ],
)
def test_a_blank_sheet_asks_for_a_drawing(blank):
    with pytest.raises(KduiError, match="This image is blank"):
        image.parse(blank, DIGITS)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("a sentence", "An image is needed here, not str"),
        (np.zeros((2, 2, 2, 2), np.uint8), "This is no image"),
        ([["a"]], "This is no image"),
        (np.zeros((0, 5), np.uint8), "This is no image"),
    ],
)
def test_what_is_no_image_is_refused_in_words(wrong, words):
    with pytest.raises(KduiError, match=words):
        image.parse(wrong, DIGITS)


def test_novelty_is_the_distance_to_the_nearest_training_image():
    train = np.zeros((2, 4, 4, 1), np.uint8)
    train[1] = 255
    test = np.stack([train[1], np.full((4, 4, 1), 51, np.uint8)])
    assert image.traits(train, test)["novelty"] == pytest.approx([0.0, 0.2], abs=1e-4)
