"""A spectrogram to look at: short-time power in dB as grey levels."""

import numpy as np

WINDOW, HOP = 256, 128
ROWS = 64
RANGE = 60.0  # dB below the loudest value


def picture(wave: np.ndarray) -> np.ndarray:
    """Samples [n] in −1..1 to grey levels uint8 [ROWS, frames], high frequencies in the first row."""
    wave = np.pad(wave, (0, max(0, WINDOW - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32))) ** 2
    bands = np.stack([part.mean(axis=1) for part in np.array_split(power[:, 1:], ROWS, axis=1)])
    levels = 10 * np.log10(np.maximum(bands, 1e-10))
    grey = np.clip(levels - levels.max() + RANGE, 0, RANGE) * (255 / RANGE)
    return grey[::-1].round().astype(np.uint8)
