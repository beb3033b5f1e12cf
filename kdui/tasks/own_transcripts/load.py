"""Takes a person's recordings with transcripts in: decodes them, makes symbols of the texts, divides and keeps them."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdui.core.answer_facts import Transcript
from kdui.core.contracts import Split
from kdui.core.errors import KduiError, RecipeError
from kdui.core.own_names import OwnPath
from kdui.core.own_preview import Note
from kdui.modalities.audio import RATE
from kdui.modalities.audio.prepare import wave_of
from kdui.modalities.audio.waveform import sixteen_bits
from kdui.settings import Settings
from kdui.tasks.examples import Examples
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.by_class import counted, keys_of, left_out
from kdui.tasks.own_data.dividing import Division, Labelled, divide_answers
from kdui.tasks.own_data.entries import MOST_FILES, ByName, Entry, opened
from kdui.tasks.own_texts.columns import SPLIT, Role, called
from kdui.tasks.own_texts.files import Part, split_in
from kdui.tasks.own_texts.records import Record, records
from kdui.tasks.own_texts.tables import table_of
from kdui.tasks.own_transcripts.spec import TASK
from kdui.tasks.utterances import NONE

OPTIONS = ("file", "text", "speaker", "split", "symbols", "encoding", "separator", "header")
ROLES = (
    SPLIT,
    Role("file", called("file", "path", "audio", "wav", "filename", "file_name", "audio_filepath", "recording")),
    Role("text", called("text", "transcript", "transcription", "sentence", "words", "normalized_text")),
    Role("speaker", called("speaker", "speaker_id", "client_id", "voice"), needed=False),
)
TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json")
SECONDS = 10  # of a recording at most: attention and memory grow with the longest one
FRAME = 0.032  # s, of which every model here has one symbol each (``models.frames``)
FEW_WORDS, MOST_LETTERS = 50, 200  # different words up to which a word is a symbol; different letters that are taken
MOST_SAMPLES = 1 << 28  # of all recordings, filled up to the longest
LIMITS = (
    f"Limits: {MOST_FILES:,} WAV files of at most {SECONDS} s, {MOST_LETTERS} different letters, one symbol each "
    f"{1000 * FRAME:.0f} ms. Case and punctuation but for apostrophes and hyphens are left out of the texts."
)
_WANTED = "Write own-transcripts:PATH with a folder or zip of WAV files and a table of the columns file and text, or the table."
_NO_LETTER = re.compile(r"[^\w'-]+|_+")


class Recording(NamedTuple):
    """One recording, int16 at the task's rate, with its text as words and what its row says."""

    wave: np.ndarray
    words: tuple[str, ...]
    speaker: str
    split: str


def prepare(own: OwnPath, settings: Settings) -> kept.Prepared:
    """The preview and the examples; raises RecipeError where nothing can be read at all."""
    if unknown := sorted(set(own.options) - set(OPTIONS)):
        raise RecipeError(f"'{unknown[0][:40]}' is no option of own transcripts. There are {', '.join(OPTIONS)}.")
    given = Path(own.path).expanduser()
    only = given.name if given.suffix.lower() in TABLES else ""
    with opened(str(given.parent) if only else own.path, _WANTED, settings) as entries:
        tables = [entry for entry in entries if (entry.name == only if only else entry.name.lower().endswith(TABLES))]
        if not tables:
            raise RecipeError(f"{given.name} holds no table of files and texts. {_WANTED}")
        parts = [Part(each.name, split_in(each.name), table_of(each.name, each.read(), own.options)) for each in tables]
        if len({part.split for part in parts}) < 2:
            parts = [part._replace(split="") for part in parts]
        found = records(own, parts, ROLES, LIMITS)
        if found.seen.refusal:
            return kept.Prepared(found.seen, {}, {})
        taken, notes = _recordings(found.rows, ByName(entries), tables[0])
    seen = found.seen.model_copy(update={"notes": (*found.seen.notes, *notes)})
    if not taken:
        refusal = (
            "No recording with a text can be read. Save them as 16-bit PCM WAV, and name them in the table as they are called."
        )
        return kept.Prepared(seen.model_copy(update={"refusal": refusal}), {}, {})
    answer = _symbols(own.options.get("symbols"), taken)
    return _divided(seen, taken, answer)


def _recordings(rows: Sequence[Record], files: ByName, table: Entry) -> tuple[list[Recording], list[Note]]:
    """Those that can be read, are short enough and have a text; the others counted in words."""
    taken, broken, left = [], [], Counter[str]()
    for row in rows:
        words = tuple(_NO_LETTER.sub(" ", row.cells["text"].casefold()).split())
        entry = files.find(row.cells["file"], table)
        if not words or entry is None:
            left["rows whose file is not there" if words else "texts without a letter"] += 1
            continue
        try:
            wave = sixteen_bits(wave_of(entry.read()))
        except KduiError as error:
            broken.append(f"{entry.name}: {error}")
            continue
        if len(wave) > SECONDS * RATE:
            left[f"recordings that last longer than {SECONDS} s"] += 1
        else:
            taken.append(Recording(wave, words, row.cells.get("speaker", ""), row.split))
    return taken, [*left_out({}, broken, "recordings"), *counted(left)]


def _symbols(wanted: str | None, taken: Sequence[Recording]) -> Transcript:
    """Words where there are few, or letters with a space between words; raises RecipeError for another wish or too many."""
    if wanted not in (None, "words", "letters"):
        raise RecipeError("symbols: words or letters.")
    words = {word for each in taken for word in each.words}
    if wanted == "words" or (wanted is None and len(words) <= FEW_WORDS):
        if len(words) > 10 * FEW_WORDS:
            raise RecipeError(
                f"{len(words):,} different words are too many symbols; at most {10 * FEW_WORDS}. Take symbols=letters."
            )
        return Transcript(names=tuple(sorted(words)))
    letters = {letter for word in words for letter in word}
    if len(letters) > MOST_LETTERS:
        raise RecipeError(f"The texts have {len(letters):,} different letters; at most {MOST_LETTERS} are taken.")
    return Transcript(names=(" ", *sorted(letters)), between="")


def _divided(seen: kept.Preview, taken: Sequence[Recording], answer: Transcript) -> kept.Prepared:
    spelled = [_spelled(each.words, answer) for each in taken]
    fits = [len(each.wave) >= FRAME * RATE * _frames(symbols) for each, symbols in zip(taken, spelled, strict=True)]
    notes = list(seen.notes)
    if short := fits.count(False):
        text = f"Left out: {short:,} recordings that are too short for their text: a model emits one each {1000 * FRAME:.0f} ms."
        notes.append(Note(level="problem", text=text))
    taken = [each for each, fit in zip(taken, fits, strict=True) if fit]
    spelled = [symbols for symbols, fit in zip(spelled, fits, strict=True) if fit]
    keys = keys_of([each.wave for each in taken])
    speakers = [f"speaker {each.speaker}" if each.speaker else key for each, key in zip(taken, keys, strict=True)]
    data = Labelled([" ".join(each.words) for each in taken], keys, speakers, [each.split for each in taken])
    division = divide_answers(data, "recordings", "have the speaker of")
    longest = max((len(each.wave) for each in taken), default=0)
    if len(taken) * longest > MOST_SAMPLES:
        raise RecipeError(f"{len(taken):,} recordings of up to {longest / RATE:.1f} s take too much memory. Name a part of them.")
    counts = {split: len(part) for split, part in division.parts.items()}
    symbols = f"{len(answer.names)} {'words' if answer.between else 'letters'}"
    seen = seen.model_copy(
        update={
            "read": (*seen.read, ("symbols", symbols), ("longest", f"{longest / RATE:.1f} s")),
            "notes": (*notes, *division.notes, *_unseen(division, spelled, answer)),
            "classes": {"recordings": counts},
            "refusal": division.refusal,
        }
    )
    if division.refusal:
        return kept.Prepared(seen, {}, {})
    splits: dict[Split, Examples] = {
        split: _examples([taken[index].wave for index in part], [spelled[index] for index in part], longest)
        for split, part in sorted(division.parts.items())
    }
    facts = kept.answered_facts(seen, "Write down what is said.", answer, {"samples": longest, "rate": RATE})
    return kept.Prepared(seen, facts, splits)


def _spelled(words: Sequence[str], answer: Transcript) -> list[int]:
    number = {name: place for place, name in enumerate(answer.names)}
    return [number[symbol] for symbol in (words if answer.between else " ".join(words))]


def _frames(symbols: Sequence[int]) -> int:
    """How many frames spell them: one each, and an empty one between two of the same."""
    return len(symbols) + sum(first == second for first, second in pairwise(symbols))


def _unseen(division: Division, spelled: Sequence[Sequence[int]], answer: Transcript) -> list[Note]:
    """Symbols of the test data that no training text has."""
    trained, tested = ({symbol for index in division.parts[split] for symbol in spelled[index]} for split in ("train", "test"))
    unseen = [answer.names[symbol] for symbol in sorted(tested - trained)]
    if not unseen:
        return []
    shown = ", ".join(f"“{name}”" for name in unseen[:5]) + (" …" if len(unseen) > 5 else "")
    return [Note(level="problem", text=f"No training text has {shown}: no model can learn to write that.")]


def _examples(waves: Sequence[np.ndarray], spelled: Sequence[Sequence[int]], longest: int) -> Examples:
    """int16 [n, longest], silence behind each; targets [n, most] filled up with ``NONE``."""
    inputs = np.zeros((len(waves), longest), np.int16)
    targets = np.full((len(waves), max(map(len, spelled))), NONE, np.int64)
    for row, target, wave, symbols in zip(inputs, targets, waves, spelled, strict=True):
        row[: len(wave)] = wave
        target[: len(symbols)] = symbols
    return Examples(inputs, targets)


preview, keep, described, kept_preview, read_kept, all_kept = kept.functions(TASK, prepare)
