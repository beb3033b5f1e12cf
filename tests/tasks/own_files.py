"""Small files of a person: labelled texts that differ, and real digits as images in a folder for each class."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from kdui.modalities.audio import RATE
from kdui.modalities.audio.sound_files import wav_of
from kdui.modalities.audio.waveform import sixteen_bits

_WORDS = ("apple", "river", "stone", "cloud", "lamp", "paper", "glass", "horse", "bread", "winter", "garden", "music")
_TELLING = {"good": ("lovely", "great", "superb"), "bad": ("awful", "dull", "broken")}


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of nine words with their label, two of which tell it; no two are alike."""
    random = np.random.RandomState(seed)
    rows = []
    for place in range(count):
        label = ("good", "bad")[place % 2]
        words = [*random.choice(_WORDS, 6), *random.choice(_TELLING[label], 2), f"n{seed}x{place}"]
        rows.append((" ".join(words[at] for at in random.permutation(9)), label))
    return rows


def digit_folder(folder: Path, classes: int = 3, each: int = 40) -> Path:
    """scikit-learn's handwritten digits as PNG files, ``folder/zero/12.png`` …"""
    digits = load_digits()
    for label, name in enumerate(("zero", "one", "two", "three")[:classes]):
        (folder / name).mkdir(parents=True)
        for index in np.flatnonzero(digits.target == label)[:each]:
            levels = (digits.images[index] * 255 / 16).astype(np.uint8)
            Image.fromarray(levels).save(folder / name / f"{index}.png")
    return folder


def wav(seconds: float, pitch: float, seed: int = 0) -> bytes:
    """A tone in a little noise as a WAV file."""
    times = np.arange(int(seconds * RATE)) / RATE
    noise = 0.01 * np.random.RandomState(seed).standard_normal(len(times))
    return wav_of(sixteen_bits(0.4 * np.sin(2 * np.pi * pitch * times) + noise))


def scenes(count: int, seed: int = 0) -> list[tuple[Image.Image, Image.Image, tuple[int, int, int, int]]]:
    """Images 48×32 of one bright square in noise, its mask (1 there), and its box: left, top, right, bottom."""
    random = np.random.RandomState(seed)
    made = []
    for _ in range(count):
        levels = random.randint(0, 120, (32, 48)).astype(np.uint8)
        left, top, side = random.randint(0, 36), random.randint(0, 20), random.randint(6, 12)
        levels[top : top + side, left : left + side] = 250
        mask = np.zeros((32, 48), np.uint8)
        mask[top : top + side, left : left + side] = 1
        made.append((Image.fromarray(levels), Image.fromarray(mask), (left, top, left + side, top + side)))
    return made
