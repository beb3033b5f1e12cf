"""Sound files from outside: RIFF WAVE is read here, with every length checked against the bytes that are really there.

Other formats (FLAC, OGG, MP3, WebM) are decoded by the browser, which sends what it decoded as a WAV file.
"""

import struct
from collections.abc import Iterator

import numpy as np

from kdui.core.errors import KduiError
from kdui.modalities.audio import RATE

MOST_BYTES = 8_000_000
MOST_SECONDS = 30
RATES = (4_000, 192_000)
MOST_CHANNELS = 8
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_UNREADABLE = "This file is not a WAV file that can be read. Save it as 16-bit PCM WAV, mono or stereo."


def read_wav(data: bytes) -> tuple[np.ndarray, int]:
    """Samples float32 [frames, channels] in −1..1 and the rate in Hz of a WAV file with PCM of 8 to 32 bits or floats.

    Raises KduiError in words for anything else, and for what is too large, too long or has no sound in it. Lengths in the header
    that promise more than the file holds are cut to what is there, so a small file never takes much memory.
    """
    if len(data) > MOST_BYTES:
        raise KduiError(f"This recording has {len(data) / 1e6:,.0f} MB; at most {MOST_BYTES // 1_000_000} are taken. {_SHORTER}")
    chunks = dict(_chunks(data))
    if b"fmt " not in chunks or b"data" not in chunks or len(chunks[b"fmt "]) < 16:
        raise KduiError(_UNREADABLE)
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    if kind == _EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        (kind,) = struct.unpack_from("<H", chunks[b"fmt "], 24)
    if not RATES[0] <= rate <= RATES[1] or not 1 <= channels <= MOST_CHANNELS:
        raise KduiError(
            f"This recording says that it has {channels:,} channels at {rate:,} Hz; 1 to {MOST_CHANNELS} channels at "
            f"{RATES[0]:,} to {RATES[1]:,} Hz are taken. Save it again as mono, e.g. at 16,000 Hz."
        )
    width = channels * bits // 8
    frames = len(chunks[b"data"]) // width if width else 0
    if frames > MOST_SECONDS * rate:
        raise KduiError(f"This recording lasts {frames / rate:,.0f} s; at most {MOST_SECONDS} are taken. {_SHORTER}")
    if not frames:
        raise KduiError("This recording is empty. Record again, or choose another file.")
    return _levels(chunks[b"data"][: frames * width], kind, bits).reshape(frames, channels), rate


_SHORTER = "Cut it to the part that matters first."


def wav_of(wave: np.ndarray) -> bytes:
    """A WAV file of int16 samples [n]."""
    data = wave.astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, RATE, 2 * RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 28 + len(data) + 8, b"WAVE") + form + struct.pack("<4sI", b"data", len(data)) + data


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk; a length that reaches over the end is cut off there."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise KduiError(_UNREADABLE)
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        yield name, data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _levels(data: bytes, kind: int, bits: int) -> np.ndarray:
    """One number a sample and channel in −1..1; raises KduiError for codecs other than PCM and floats, and for no numbers."""
    if kind == _FLOAT and bits in (32, 64):
        values = np.frombuffer(data, f"<f{bits // 8}")
        if not np.isfinite(values).all():
            raise KduiError("This recording holds values that are no numbers. Save it again as 16-bit PCM WAV.")
        return np.clip(values, -1, 1).astype(np.float32)
    if kind == _PCM and bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if kind == _PCM and bits in (16, 32):
        return (np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)).astype(np.float32)
    if kind == _PCM and bits == 24:
        bytes_of = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        return ((bytes_of << (8, 16, 24)).sum(axis=1, dtype=np.int32) / 2.0**31).astype(np.float32)
    raise KduiError(f"This WAV file is packed by a codec that is not read here (format {kind}, {bits} bits). {_UNREADABLE}")
