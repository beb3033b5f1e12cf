"""What a model emits over a recording, to look at."""

import base64
import io
from typing import Any

import numpy as np

from kdui.core.answer_facts import Transcript as TranscriptFacts
from kdui.core.answers import Frame, Transcript
from kdui.modalities.audio import RATE
from kdui.modalities.audio.spectrogram import picture
from kdui.problems.ctc.paths import BLANK, best_path
from kdui.problems.softmax import softmax

LIKELY = 0.01  # probability from which on the likeliest symbol of a frame is worth a mark


def transcript_part(outputs: np.ndarray, answer: TranscriptFacts, raw: Any) -> Transcript:
    """Of outputs [frames, choices]: the transcript, the likeliest symbol of each frame, and the recording's spectrogram."""
    from PIL import Image

    wave = np.asarray(raw, np.int16)
    shares, emitted = softmax(outputs), dict(best_path(outputs))
    symbols = np.delete(shares, BLANK, axis=1)
    frames = tuple(
        Frame(symbol=answer.names[best] if share >= LIKELY else "", probability=share, emits=place in emitted)
        for place, (best, share) in enumerate(zip(symbols.argmax(1).tolist(), symbols.max(1).tolist(), strict=True))
    )
    buffer = io.BytesIO()
    Image.fromarray(picture(wave.astype(np.float32) / 32768)).save(buffer, "PNG")
    return Transcript(
        text=answer.written(list(emitted.values())),
        frames=frames,
        seconds=len(wave) / RATE,
        spectrogram=base64.b64encode(buffer.getvalue()).decode("ascii"),
    )
