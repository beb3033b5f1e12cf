"""Takes a person's text in: cuts it into passages, keeps test text apart, and stores it under the digest of its content."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.contracts import Split, TaskFacts
from kdui.core.errors import RecipeError, SourceError
from kdui.core.own_names import CORPUS, DIGITS, KeptName, OwnPath, kept_name, named_facts, stem_of
from kdui.core.own_preview import Note, Preview
from kdui.core.plain import canonical_json
from kdui.settings import Settings
from kdui.store.artifacts import clear, write_json
from kdui.store.disk import errors_in_words
from kdui.tasks.examples import Examples
from kdui.tasks.own_corpus.files import MOST_BYTES, MOST_FILES, TextFile, read_texts
from kdui.tasks.own_corpus.spec import FACTS, FOLDER, TASK, TEXTS
from kdui.tasks.passages import passages

LEAST: Mapping[Split, int] = {"train": 24, "validation": 4, "test": 4}  # passages
LEAST_BYTES = 20_000  # which make about so many
HELD_OUT = 0.1  # of the text for each of validation and test
LEAST_FILES = 5  # from so many on, whole files are held out
_UNEVEN = 0.3  # more than this share of the text in a held-out split: its files are too large to be held out whole
_SEED = 1811

Texts = dict[Split, list[str]]


def keep(own: OwnPath, settings: Settings) -> str:
    """Read the text at a path and keep it in KDUI_HOME; returns the name of its task: text that is there already keeps its own.

    Raises RecipeError in words where it cannot be used.
    """
    files = read_texts(own.path, settings)
    texts, how = split_texts(files)
    _require_enough(Path(own.path), files, texts)
    digest = hashlib.sha256(canonical_json(texts).encode()).hexdigest()[:DIGITS]
    folder = settings.home / FOLDER / digest
    if (facts := _facts_in(folder)) is None:
        facts = {"stem": stem_of(own.path), "splits": {split: len(texts[split]) for split in LEAST}, "how": how}
        _write(folder, texts, facts)
    return str(KeptName(CORPUS, facts["stem"], digest))


def preview(own: OwnPath, settings: Settings) -> Preview:
    """What is known before anything runs; raises RecipeError in words where the text cannot be used."""
    files = read_texts(own.path, settings)
    texts, how = split_texts(files)
    _require_enough(Path(own.path), files, texts)
    size = sum(len(text.encode()) for found in texts.values() for text in found)
    return Preview(
        kind=CORPUS,
        title=own.path.rstrip("/").rpartition("/")[2],
        read=(("files", f"{len(files):,}, UTF-8"), ("text", f"{size:,} bytes without copies of a passage")),
        classes={"passages": {split: len(texts[split]) for split in LEAST}},
        notes=(Note(level="note", text=how),),
        limits=f"Limits: {MOST_BYTES // (1 << 20)} MB, {MOST_FILES:,} files.",
    )


def _write(folder: Path, texts: Texts, facts: dict[str, Any]) -> None:
    """The facts come last: where they are, the texts are whole."""
    with errors_in_words(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
        try:
            write_json(draft / TEXTS, texts)
            write_json(draft / FACTS, facts)
            if _facts_in(folder) is not None:  # another process was faster
                return
            clear(folder)  # one without its facts was never finished
            draft.rename(folder)
        finally:
            clear(draft)


def split_texts(files: Sequence[TextFile]) -> tuple[Texts, str]:
    """Passages of each split, and in words what is held out: whole files of a folder, else the end of every file.

    No passage stands twice, in a split or in two; those that a file for testing shares with others stay where they are measured.
    """
    own = {file.name: passages(line.strip() for line in file.lines if line.strip()) for file in files}
    held = _held_out_files(own)
    if held:
        parts: Texts = {split: [text for name in held[split] for text in own[name]] for split in ("test", "validation", "train")}
        how = f"Test: {_named(held['test'])}. Validation: {_named(held['validation'])}."
    else:
        parts = {"test": [], "validation": [], "train": []}
        for texts in own.values():
            first, second = (round(len(texts) * (1 - share)) for share in (2 * HELD_OUT, HELD_OUT))
            parts["train"] += texts[:first]
            parts["validation"] += texts[first:second]
            parts["test"] += texts[second:]
        how = f"Test: the last tenth of {'each file' if len(own) > 1 else 'the text'}. Validation: the tenth before it."
    random, seen, found = np.random.RandomState(_SEED), set[str](), Texts()
    for split, texts in parts.items():
        fresh = [text for text in dict.fromkeys(texts) if text not in seen]
        seen.update(fresh)
        found[split] = [fresh[place] for place in random.permutation(len(fresh))]
    return found, how


def _held_out_files(own: Mapping[str, Sequence[str]]) -> dict[Split, list[str]] | None:
    """Files for test and validation, a tenth of the text each, by lot; None where files are few or too uneven for that.

    The lot is drawn by content, so that a file which is renamed or joined by others mostly stays where it was.
    """
    if len(own) < LEAST_FILES:
        return None
    sizes = {name: sum(len(text.encode()) for text in texts) for name, texts in own.items()}
    order = sorted(own, key=lambda name: hashlib.sha256("\n".join(own[name]).encode()).digest())
    total, found = sum(sizes.values()), dict[Split, list[str]]()
    splits: tuple[Split, ...] = ("test", "validation")
    for split in splits:
        found[split] = []
        while order and sum(sizes[name] for name in found[split]) < HELD_OUT * total:
            found[split].append(order.pop(0))
        if sum(sizes[name] for name in found[split]) > _UNEVEN * total:
            return None
    found["train"] = sorted(order)
    return found if order else None


def _named(files: Sequence[str]) -> str:
    shown = ", ".join(sorted(files)[:3]) + (" …" if len(files) > 3 else "")
    return f"{len(files):,} {'file' if len(files) == 1 else 'files'} that training never sees ({shown})"


def _require_enough(path: Path, files: Sequence[TextFile], texts: Texts) -> None:
    size = sum(len(text.encode()) for found in texts.values() for text in found)
    if not size:
        raise RecipeError(f"{path} holds no text: {'all its files are' if len(files) > 1 else 'it is'} empty. Name another one.")
    if size < LEAST_BYTES or any(len(texts[split]) < count for split, count in LEAST.items()):
        raise RecipeError(
            f"{path} holds {size:,} bytes of text in {sum(map(len, texts.values())):,} different passages, which is too "
            f"little to train, validate and test on. Give at least {LEAST_BYTES:,} bytes, ten pages; from some 200,000 on a "
            "small model learns something worth measuring."
        )


# --- what was kept ------------------------------------------------------------------------------------------------------------


def described(name: KeptName, settings: Settings) -> TaskFacts:
    """The facts of a kept corpus with the sizes of its splits; raises SourceError where it is not there."""
    folder, facts = settings.home / FOLDER / name.digest, named_facts(TASK, name)
    if (kept := _facts_in(folder)) is None:
        raise SourceError(f"The text of '{facts.name}' is not in {folder}. Name its file or folder again: {CORPUS}:PATH.")
    return facts.model_copy(
        update={"splits": kept["splits"], "summary": f"Predict each next token of your own text. {kept['how']}"}
    )


def _facts_in(folder: Path) -> dict[str, Any] | None:
    """What is known of a kept corpus; None where it is not there, or was never finished."""
    try:
        kept = json.loads((folder / FACTS).read_bytes())
        return {"stem": str(kept["stem"]), "splits": dict(kept["splits"]), "how": str(kept["how"])}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def kept_preview(name: KeptName, settings: Settings) -> Preview | None:
    """A corpus is kept without one: its facts say all."""
    return None


def read_kept(name: KeptName, settings: Settings) -> dict[Split, Examples]:
    """The passages of a kept corpus with their UTF-8 bytes; raises SourceError where they are missing or changed."""
    described(name, settings)
    path = settings.home / FOLDER / name.digest / TEXTS
    try:
        texts: Texts = json.loads(path.read_bytes())
        if hashlib.sha256(canonical_json(texts).encode()).hexdigest()[:DIGITS] != name.digest:
            raise ValueError("its content is not what its name says")
    except (OSError, ValueError) as error:
        raise SourceError(
            f"The kept text {path} cannot be used ({error}). Delete its folder and name your file or folder again: {CORPUS}:PATH."
        ) from error
    return {split: _examples(found) for split, found in texts.items()}


def _examples(texts: Sequence[str]) -> Examples:
    return Examples(list(texts), np.array([len(text.encode()) for text in texts], dtype=np.int64))


def all_kept(settings: Settings) -> list[TaskFacts]:
    """All that were kept, by their names."""
    found = []
    for path in (settings.home / FOLDER).glob(f"[0-9a-f]*/{FACTS}"):
        kept = _facts_in(path.parent) or {"stem": ""}
        if (name := kept_name(f"{CORPUS}:{kept['stem']}@{path.parent.name}")) is not None:
            found.append(described(name, settings))
    return sorted(found, key=lambda facts: facts.name)
