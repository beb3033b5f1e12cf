"""Inputs made worse in five steps, seeded: noise, blur, contrast and occlusion of images; typos, lost and shuffled words of
texts; noise and gain of sound.

After Hendrycks and Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", with
strengths for small inputs. What a corruption does at one severity it also does, and more, at the next.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

SEVERITIES = (1, 2, 3, 4, 5)
NOISE = (0.04, 0.08, 0.12, 0.18, 0.26)  # standard deviation, share of the full range
BLUR = (0.02, 0.03, 0.045, 0.06, 0.08)  # standard deviation, share of the shorter side
CONTRAST = (0.75, 0.5, 0.4, 0.3, 0.15)  # what is left of it
OCCLUSION = (0.05, 0.1, 0.2, 0.3, 0.4)  # share of the image's area
GREY = 128
TYPOS = (0.02, 0.05, 0.08, 0.12, 0.18)  # share of letters
DROPPED = (0.05, 0.1, 0.2, 0.35, 0.5)  # share of words
SHUFFLED = (0.1, 0.25, 0.5, 0.75, 1.0)  # share of words that change places
SOUND_NOISE = (30.0, 20.0, 15.0, 10.0, 5.0)  # signal to noise, dB
GAIN = (-6.0, -12.0, -18.0, -24.0, -30.0)  # dB
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # of a keyboard: a slip hits a neighbour

Corruption = Callable[[Any, int, np.random.Generator], Any]


# --- images: uint8 [n, height, width, channels] -----------------------------------------------------------------


def noisy(pictures: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Gaussian noise on every level."""
    drawn = generator.standard_normal(pictures.shape, dtype=np.float32)
    return _levels(pictures + 255 * NOISE[severity - 1] * drawn)


def blurred(pictures: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Gaussian blur over rows and columns; the border is continued."""
    height, width = pictures.shape[1:3]
    deviation = max(0.3 + 0.15 * severity, BLUR[severity - 1] * min(height, width))
    reach = max(1, round(3 * deviation))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    pixels = pictures.astype(np.float32)
    for axis in (1, 2):
        padded = np.pad(pixels, [(reach, reach) if at == axis else (0, 0) for at in range(4)], mode="edge")
        size = pixels.shape[axis]
        parts = [weight * np.take(padded, range(at, at + size), axis=axis) for at, weight in enumerate(kernel)]
        pixels = np.sum(parts, axis=0)
    return _levels(pixels)


def flattened(pictures: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Less contrast around each image's own mean."""
    mean = pictures.mean(axis=(1, 2, 3), keepdims=True)
    return _levels(mean + CONTRAST[severity - 1] * (pictures - mean))


def occluded(pictures: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    """A grey square of growing size around the same random place of each image."""
    count, height, width = pictures.shape[:3]
    places = generator.random((count, 2))
    covered = pictures.copy()
    side = np.sqrt(OCCLUSION[severity - 1])
    rows, columns = max(1, round(side * height)), max(1, round(side * width))
    for picture, (down, right) in zip(covered, places, strict=True):
        top, left = round(down * (height - rows)), round(right * (width - columns))
        picture[top : top + rows, left : left + columns] = GREY
    return covered


def _levels(values: np.ndarray) -> np.ndarray:
    levels: np.ndarray = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return levels


# --- texts: a list of strings -------------------------------------------------------------------------------------


def mistyped(texts: Sequence[str], severity: int, generator: np.random.Generator) -> list[str]:
    """A share of the letters is hit beside, left out, doubled or swapped with the next one."""
    return [_mistyped(text, TYPOS[severity - 1], np.random.default_rng(seed)) for text, seed in _seeded(texts, generator)]


def _mistyped(text: str, share: float, generator: np.random.Generator) -> str:
    chosen, kinds, sides = generator.random(len(text)), generator.integers(0, 4, len(text)), generator.random(len(text))
    letters = list(text)
    for at, letter in enumerate(text):
        if chosen[at] >= share or not letter.isalpha():
            continue
        if kinds[at] == 0:
            letters[at] = _beside(letter, sides[at])
        elif kinds[at] == 1:
            letters[at] = ""
        elif kinds[at] == 2:
            letters[at] = letter + letter
        elif at + 1 < len(text):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters) or text


def _beside(letter: str, side: float) -> str:
    """A letter next to it on the keyboard, in the same case."""
    row = next((row for row in ROWS if letter.lower() in row), "")
    if not row:
        return letter
    place = row.index(letter.lower()) + (1 if side < 0.5 else -1)
    neighbour = row[min(max(place, 0), len(row) - 1)] if 0 <= place < len(row) else row[1 if place < 0 else -2]
    return neighbour.upper() if letter.isupper() else neighbour


def dropped(texts: Sequence[str], severity: int, generator: np.random.Generator) -> list[str]:
    """A share of the words is left out; one always stays."""
    shortened = []
    for text, seed in _seeded(texts, generator):
        words = text.split()
        draws = np.random.default_rng(seed).random(len(words))
        kept = [word for word, draw in zip(words, draws, strict=True) if draw >= DROPPED[severity - 1]]
        shortened.append(" ".join(kept or words[:1]))
    return shortened


def shuffled(texts: Sequence[str], severity: int, generator: np.random.Generator) -> list[str]:
    """A share of the words change places among themselves."""
    reordered = []
    for text, seed in _seeded(texts, generator):
        words, own = text.split(), np.random.default_rng(seed)
        chosen = np.flatnonzero(own.random(len(words)) < SHUFFLED[severity - 1])
        moved = [words[at] for at in own.permutation(chosen)]
        for at, word in zip(chosen, moved, strict=True):
            words[at] = word
        reordered.append(" ".join(words))
    return reordered


def _seeded(texts: Sequence[str], generator: np.random.Generator) -> list[tuple[str, int]]:
    """Each text with a seed of its own: the draws of one severity are those of the next."""
    return list(zip(texts, generator.integers(0, 2**32, len(texts)).tolist(), strict=True))


# --- sound: waveforms, float in −1..1 or integers; an array [n, samples] or a list of arrays ------------------------


def hissing(waves: Sequence[np.ndarray], severity: int, generator: np.random.Generator) -> Any:
    """White noise at a signal-to-noise ratio, measured on each wave's own power."""
    share = 10 ** (-SOUND_NOISE[severity - 1] / 20)
    return _each(waves, lambda wave: wave + share * _power(wave) * generator.standard_normal(wave.shape))


def quieter(waves: Sequence[np.ndarray], severity: int, generator: np.random.Generator) -> Any:
    """The same sound, further away."""
    return _each(waves, lambda wave: wave * 10 ** (GAIN[severity - 1] / 20))


def _power(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(wave)))) if wave.size else 0.0


def _each(waves: Sequence[np.ndarray], change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Every wave changed in double precision, and put back into its own type without running over."""
    corrupted = []
    for wave in waves:
        kind = np.asarray(wave).dtype
        changed = change(np.asarray(wave, np.float64))
        if kind.kind in "iu":
            limits = np.iinfo(kind)
            changed = np.rint(np.clip(changed, limits.min, limits.max))
        corrupted.append(changed.astype(kind))
    return np.stack(corrupted) if isinstance(waves, np.ndarray) else corrupted


CORRUPTIONS: dict[str, dict[str, Corruption]] = {
    "image": {"noise": noisy, "blur": blurred, "contrast": flattened, "occlusion": occluded},
    "text": {"typos": mistyped, "word_drop": dropped, "shuffling": shuffled},
    "speech": {"noise": hissing, "gain": quieter},
}


def corrupted(raw: Any, modality: str, name: str, severity: int, seed: int = 0) -> Any:
    """Raw examples made worse; the same examples, name and seed always give the same ones, whatever the severity drew before."""
    return CORRUPTIONS[modality][name](raw, severity, np.random.default_rng([seed, sum(name.encode())]))
