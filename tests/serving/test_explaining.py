"""What a prediction hangs on, of models whose answer can be worked out by hand."""

import numpy as np
import pytest

from kdui.core.answers import Ranked
from kdui.core.errors import KduiError
from kdui.modalities import parts_of
from kdui.serving.explaining import explain


def ranked(share: float) -> Ranked:
    rows = sorted((("yes", share), ("no", 1 - share)), key=lambda row: -row[1])
    return Ranked.model_validate({"rows": [{"label": label, "probability": p} for label, p in rows]})


def votes(weights: list[float], start: float):
    """A model whose 'yes' has ``start`` and the weights of the parts that are there."""

    def leave_out(sets):
        return [ranked(start + sum(weight for at, weight in enumerate(weights) if at not in each)) for each in sets]

    return leave_out


def test_weights_are_the_fall_without_each_part_and_the_strongest_part_alone_flips():
    message = explain(3, votes([0.1, 0.4, -0.1], 0.4))
    assert message.label == ("yes",) and message.probability == pytest.approx(0.8)
    assert message.weights == pytest.approx([0.1, 0.4, -0.1])
    assert message.flip == [1] and message.flipped == ("no",) and message.flipped_probability == pytest.approx(0.6)


def test_several_parts_flip_where_none_alone_does_and_what_is_not_needed_is_put_back():
    message = explain(4, votes([0.16, 0.02, 0.2, 0.2], 0.35))
    assert len(message.flip) == 3 and message.flipped == ("no",)
    assert votes([0.16, 0.02, 0.2, 0.2], 0.35)([message.flip])[0].best == ("no",)


def test_what_never_flips_is_said():
    message = explain(3, votes([0.01, 0.01, 0.01], 0.9))
    assert message.flip == [] and message.flipped == ()


def test_words_and_squares_can_be_left_out():
    text = parts_of("text")
    assert text.parts("a good  film") == ["a", "good", "film"]
    assert text.without("a good  film", [1]) == "a film" and text.without("a", [0]) == " "
    image = parts_of("image")
    picture = np.zeros((16, 16, 1), np.uint8)
    picture[0:2, 2:4] = 200
    assert len(image.parts(picture)) == 64
    assert image.without(picture, [1]).sum() == 0 and picture.sum() == 4 * 200
    with pytest.raises(KduiError, match="no parts"):
        parts_of("smell")
