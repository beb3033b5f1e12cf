"""Fixed views of a transfer set: view 0 is the example as it is, every further one changes it in a way of its own.

A view of an example is the same in every process, so a teacher's kept outputs belong to what the student sees.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from kdui.core.contracts import InputSettings
from kdui.core.layout import TOKENIZER
from kdui.modalities import modality_of
from kdui.training.context import StepContext
from kdui.training.device_dataset import Augmentation, ResidentData, augmented
from kdui.training.scattered import hashed
from kdui.training.sound_views import varied

# What stands for a masked word: the first that is a token of its own in the vocabulary; without one the word is left out.
_MASKS = ("[MASK]", "<mask>", "[UNK]", "<unk>")
_SEED = 1902
_SALT = 4099  # keeps the choice of a partner apart from the choice of a shift


def transfer_views(context: StepContext, inputs: InputSettings, folder: Path, limit: int) -> Augmentation:
    """The views that the step's ``augmentation`` setting means, for a model of these inputs.

    ``kind`` of images: crop, flip, shift (both where the task allows it), mixup, or two with a plus; mask of texts, with
    ``share`` of the words; vary of sounds.
    """
    settings = context.settings["augmentation"]
    if settings["kind"] == "vary":
        return varied_sounds
    if settings["kind"] != "mask":
        return MixedPictures(settings["kind"].split("+"))
    texts = context.data.splits["train"].inputs
    texts = list(texts[:limit] if limit else texts)
    plain = inputs.settings
    if plain.get("lowercase"):  # here, because lower case would spoil the mask
        texts, plain = [text.lower() for text in texts], {**plain, "lowercase": False}

    def prepare(masked: list[str]) -> Mapping[str, np.ndarray]:
        return modality_of("text").prepare(masked, plain, folder)

    return MaskedTexts(texts, settings["share"], mask_of(folder), prepare)


def varied_sounds(data: ResidentData, index: torch.Tensor, view: int) -> dict[str, torch.Tensor]:
    """Sounds at another speed, shifted, some with noise."""
    if view == 0:
        return data.inputs(index)
    return {"samples": varied(data.arrays["samples"][index], index, view)}


class MixedPictures:
    """Images that are cropped or mirrored or both, and mixed with another one of the split where requested."""

    def __init__(self, kinds: Sequence[str]):
        self.crop, self.flip = bool({"crop", "shift"} & set(kinds)), bool({"flip", "shift"} & set(kinds))
        self.mixup = "mixup" in kinds

    def __call__(self, data: ResidentData, index: torch.Tensor, view: int) -> dict[str, torch.Tensor]:
        if view == 0:
            return data.inputs(index)
        pixels = self._pixels(data, index, view)
        if self.mixup:
            partner, share = partners(index, view, len(data))
            kept = share[:, None, None, None]
            pixels = kept * pixels + (1 - kept) * self._pixels(data, partner, view)
        return {"pixels": pixels}

    def _pixels(self, data: ResidentData, index: torch.Tensor, view: int) -> torch.Tensor:
        pixels = data.arrays["pixels"][index]
        mirror = self.flip and data.mirror
        return augmented(pixels, index, view, mirror, self.crop) if self.crop or mirror else pixels


def partners(index: torch.Tensor, view: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """For each example another one of ``count``, and the share in [0.5, 1) that it keeps of itself.

    Mixup as in Zhang et al. 2018, arXiv:1710.09412, equation 1, with a uniform share as for function matching (Beyer et al. 2022,
    arXiv:2106.05237, section 3); below a half the two would only change their places.
    """
    mixed = hashed(index, view + _SALT)
    step = 1 + mixed % max(1, count - 1)
    share = 0.5 + 0.5 * ((mixed // 97) % 4096).float() / 4096
    return (index + step) % count, share


class MaskedTexts:
    """Texts in which some words are masked; each view is cut into tokens once, when it is first requested."""

    def __init__(self, texts: Sequence[str], share: float, mask: str, prepare: Callable[[list[str]], Mapping[str, np.ndarray]]):
        self._texts, self._share, self._mask, self._prepare = texts, share, mask, prepare
        self._views: dict[int, ResidentData] = {}

    def __call__(self, data: ResidentData, index: torch.Tensor, view: int) -> dict[str, torch.Tensor]:
        if view == 0:
            return data.inputs(index)
        if view not in self._views:
            arrays = dict(self._prepare(masked_texts(self._texts, self._share, view, self._mask)))
            self._views[view] = ResidentData(arrays, np.zeros(len(self._texts), np.int64), data.device)
        return self._views[view].inputs(index)


def masked_texts(texts: Sequence[str], share: float, view: int, mask: str) -> list[str]:
    """Each word becomes ``mask`` with probability ``share`` (Tang et al. 2019, arXiv:1903.12136, section 3.3).

    Decided by view, place and number of words alone: teacher and student see the same words go, however they cut them up.
    At least one word of a text stays; an empty ``mask`` takes the word out.
    """
    random = np.random.RandomState([_SEED, view])
    masked_versions = []
    for text in texts:
        words = text.split()
        masked = random.rand(len(words)) < share
        if len(words) and masked.all():
            masked[0] = False
        kept = (mask if hit else word for word, hit in zip(words, masked, strict=True))
        masked_versions.append(" ".join(word for word in kept if word))
    return masked_versions


def mask_of(folder: Path) -> str:
    """The token that the tokenizer beside a model reads as a masked word; empty where it has none."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    own = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    return next((token for token in _MASKS if token in own), "")
