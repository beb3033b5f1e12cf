"""Images made worse in five steps: noise, blur, contrast and occlusion.

After Hendrycks and Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", with
strengths for small inputs.
"""

import numpy as np

from kdui.modalities.corruption import Corruption

NOISE = (0.04, 0.08, 0.12, 0.18, 0.26)  # standard deviation, share of the full range
BLUR = (0.02, 0.03, 0.045, 0.06, 0.08)  # standard deviation, share of the shorter side
CONTRAST = (0.75, 0.5, 0.4, 0.3, 0.15)  # what is left of it
OCCLUSION = (0.05, 0.1, 0.2, 0.3, 0.4)  # share of the image's area
GREY = 128


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


CORRUPTIONS: dict[str, Corruption] = {"noise": noisy, "blur": blurred, "contrast": flattened, "occlusion": occluded}
