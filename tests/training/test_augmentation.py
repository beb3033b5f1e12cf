"""Views of a transfer set: the first is the example itself, the others are fixed, and teacher and student see the same."""

import numpy as np
import pytest
import torch

from kdui.modalities.text import prepare as text
from kdui.training.augmentation import MaskedTexts, MixedPictures, mask_of, masked_texts, partners
from kdui.training.device_dataset import ResidentData, augmented
from tests.models.small import word_pieces
from tests.training.digits import CPU

TEXTS = ["a good film", "the play was not very dull", "fun", "bad bad bad film"] * 50


def pictures(count: int = 40) -> ResidentData:
    pixels = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0)).numpy()
    return ResidentData({"pixels": pixels}, np.arange(count), CPU)


@pytest.mark.parametrize(("shift", "mixup"), [(True, False), (False, True), (True, True)])
def test_view_0_is_the_image_and_further_views_are_fixed(shift, mixup):
    data, index = pictures(), torch.arange(40)
    data.augmentation = MixedPictures(["shift"] * shift + ["mixup"] * mixup)
    assert torch.equal(data.inputs(index, 0)["pixels"], data.arrays["pixels"])
    views = [data.inputs(index, view)["pixels"] for view in (1, 2)]
    assert not torch.equal(*views)
    assert torch.equal(views[0], data.inputs(index, 1)["pixels"])
    few = torch.tensor([31, 4])
    assert torch.equal(views[0][few], data.inputs(few, 1)["pixels"])  # whatever batch it is in
    assert torch.equal(data.inputs(few)["pixels"], data.arrays["pixels"][few])  # without a view nothing changes


def test_mixup_by_hand():
    data, index = pictures(), torch.arange(40)
    data.augmentation = MixedPictures(["mixup"])
    partner, share = partners(index, 3, 40)
    pixels = data.arrays["pixels"]
    expected = share[7] * pixels[7] + (1 - share[7]) * pixels[partner[7]]
    assert torch.allclose(data.inputs(index, 3)["pixels"][7], expected, atol=1e-7)


def test_partners_are_others_and_shares_cover_their_range():
    index = torch.arange(5000)
    partner, share = partners(index, 1, 5000)
    assert not (partner == index).any()
    assert len(partner.unique()) > 2500
    assert 0.5 <= share.min() < 0.51 and 0.99 < share.max() < 1
    assert share.mean() == pytest.approx(0.75, abs=0.01)
    assert partners(torch.tensor([0]), 1, 1)[0].tolist() == [0]  # a split of one has no other


def test_shifts_of_a_transfer_set_are_those_of_augmentation():
    data, index = pictures(), torch.arange(40)
    data.augmentation = MixedPictures(["shift"])
    assert torch.equal(data.inputs(index, 2)["pixels"], augmented(data.arrays["pixels"], index, 2, mirror=False))


# --- texts ----------------------------------------------------------------------------------------------------------------


def test_a_share_of_the_words_is_masked_and_each_view_has_its_own():
    masked = masked_texts(TEXTS, 0.3, 1, "[MASK]")
    assert masked == masked_texts(TEXTS, 0.3, 1, "[MASK]") != masked_texts(TEXTS, 0.3, 2, "[MASK]")
    assert masked[:10] == masked_texts(TEXTS[:10], 0.3, 1, "[MASK]")  # fewer examples are masked alike
    words = [word for text in masked for word in text.split()]
    assert len(words) == sum(len(text.split()) for text in TEXTS)
    assert words.count("[MASK]") / len(words) == pytest.approx(0.3, abs=0.06)
    for plain, other in zip(TEXTS, masked, strict=True):
        assert all(new in (old, "[MASK]") for old, new in zip(plain.split(), other.split(), strict=True))


def test_nothing_or_almost_everything_can_be_masked():
    assert masked_texts(TEXTS, 0.0, 1, "[MASK]") == TEXTS
    assert masked_texts(["fun", ""], 1.0, 1, "[MASK]") == ["fun", ""]
    assert masked_texts(["a good film"], 1.0, 1, "") == ["a"]  # without a mask the words go


def test_the_mask_is_a_token_of_the_models_own(tmp_path):
    tokenizer = word_pieces()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert mask_of(tmp_path) == ""
    tokenizer.add_special_tokens(["[UNK]"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert mask_of(tmp_path) == "[UNK]"
    tokenizer.add_special_tokens(["[MASK]"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert mask_of(tmp_path) == "[MASK]"


def test_masked_texts_reach_the_model_as_its_mask_token(tmp_path):
    tokenizer = word_pieces()
    tokenizer.add_special_tokens(["[MASK]"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    def prepare(texts: list[str]) -> dict[str, np.ndarray]:
        return text.prepare(texts, {"max_length": 12}, tmp_path)

    data = ResidentData(prepare(TEXTS), np.zeros(len(TEXTS)), CPU)
    data.augmentation = MaskedTexts(TEXTS, 0.5, "[MASK]", prepare)
    index = torch.arange(8)
    assert torch.equal(data.inputs(index, 0)["input_ids"], data.inputs(index)["input_ids"])
    result = data.inputs(index, 1)
    mask = tokenizer.token_to_id("[MASK]")
    expected = [one.split().count("[MASK]") for one in masked_texts(TEXTS[:8], 0.5, 1, "[MASK]")]
    assert (result["input_ids"] == mask).sum(1).tolist() == expected
    assert sum(expected) > 4
