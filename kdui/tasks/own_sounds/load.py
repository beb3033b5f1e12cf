"""Takes a person's sounds in: decodes them, cuts each to one length, divides them, and keeps them under their digest."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kdui.core.errors import KduiError, RecipeError
from kdui.core.own_names import OwnPath
from kdui.core.own_preview import Note, Preview
from kdui.modalities.audio import RATE
from kdui.modalities.audio.prepare import wave_of
from kdui.modalities.audio.sound_files import MOST_SECONDS
from kdui.modalities.audio.waveform import fitted, sixteen_bits
from kdui.settings import Settings
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.by_class import Sorted, by_class, keys_of, labelled, left_out, splits_said, wrong_classes
from kdui.tasks.own_data.dividing import MOST_CLASSES, Labelled
from kdui.tasks.own_data.entries import MOST_FILES, opened
from kdui.tasks.own_sounds.spec import TASK

ENDINGS = (".wav",)
SAMPLES = int(TASK.input["samples"])
LIMITS = (
    f"Limits: {MOST_FILES:,} WAV files of at most {MOST_SECONDS} s, {MOST_CLASSES:,} classes, one class a sound. Whether one "
    "voice or one place stands in two splits cannot be told: put sounds into folders train and test to keep them apart."
)
_WANTED = "Write own-sounds:PATH with a folder or zip that holds a folder of WAV files for each class."


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    if own.options:
        raise RecipeError(f"'{next(iter(own.options))[:40]}' is no option of own sounds. There are none.")
    with opened(own.path, _WANTED, settings) as entries:
        found = by_class(entries, ENDINGS, "sounds")
        if not found.files:
            name = Path(own.path).name
            raise RecipeError(f"{name} holds no WAV file in a folder of its class: dogs/1.wav, doors/1.wav … {_WANTED}")
        waves, files, broken = _waves(found.files)
    notes = left_out(found.others, broken, "sounds")
    seen = Preview(kind=own.kind, title=own.path.rstrip("/").rpartition("/")[2], notes=tuple(notes), limits=LIMITS)
    refusal = wrong_classes({file.label for file in files}) if files else "No sound can be read. Save them as 16-bit PCM WAV."
    if refusal:
        return kept.Prepared(seen.model_copy(update={"refusal": refusal}), {}, {})
    given = [file.split for file in files]
    seen = seen.model_copy(update={"read": _read(waves, given), "notes": (*notes, *_told_lengths(waves))})
    sounds = np.stack([sixteen_bits(fitted(wave, SAMPLES)) for wave in waves])
    keys = keys_of(sounds)
    return labelled(seen, sounds, Labelled([file.label for file in files], keys, keys, given), "sounds", TASK.input)


def _waves(files: Sequence[Sorted]) -> tuple[list[np.ndarray], list[Sorted], list[str]]:
    """Waveforms in −1..1 at the task's rate with their files, and name and reason of those that cannot be read."""
    waves, readable, broken = [], [], []
    for file in files:
        try:
            waves.append(wave_of(file.read()))
            readable.append(file)
        except KduiError as error:
            broken.append(f"{file.name}: {error}")
    return waves, readable, broken


def _read(waves: Sequence[np.ndarray], given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    middle = float(np.median([len(wave) for wave in waves])) / RATE
    return (
        ("sounds", f"{len(waves):,}"),
        ("length", f"{middle:.2g} s in the middle"),
        ("kept as", "1 s at 8 kHz"),
        splits_said(given),
    )


def _told_lengths(waves: Sequence[np.ndarray]) -> list[Note]:
    longer = sum(len(wave) > SAMPLES for wave in waves)
    if not longer:
        return []
    level = "problem" if longer > len(waves) / 5 else "note"
    text = f"{longer:,} sounds last longer than a second: the second with the most energy is taken of each."
    return [Note(level=level, text=text)]


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
