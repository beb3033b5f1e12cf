"""Keeps a person's labelled data in KDUI_HOME under the digest of their content, facts last: where they are, all is whole."""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter, ValidationError

from kdui.core.answer_facts import AnswerFacts, Labels
from kdui.core.contracts import Split, TaskFacts
from kdui.core.errors import RecipeError, SourceError
from kdui.core.own_names import DIGITS, KeptName, OwnPath, kept_name, named_facts, stem_of
from kdui.core.own_preview import SPLITS, Preview
from kdui.core.plain import canonical_json
from kdui.settings import Settings
from kdui.store.artifacts import clear, write_json
from kdui.store.disk import errors_in_words
from kdui.tasks.examples import Examples

FOLDER = "own-data"  # in KDUI_HOME, with a folder for each digest
FACTS, TEXTS, NAMES = "task.json", "texts.json", "names.json"
_OWN_FACTS = ("summary", "splits", "input")
_MORE_FACTS = ("majority", "examples")  # where the kind has them
_ANSWER: TypeAdapter[AnswerFacts] = TypeAdapter(AnswerFacts)


class Prepared(NamedTuple):
    """Data that were looked at: their preview, and what the task is made of where none is refused."""

    preview: Preview
    facts: dict[str, Any]
    splits: dict[Split, Examples]


def keep(own: OwnPath, prepared: Prepared, settings: Settings) -> str:
    """The name of the task that the data make; data that are there already keep theirs. Raises RecipeError where refused."""
    if prepared.preview.refusal:
        raise RecipeError(prepared.preview.refusal)
    digest = _digest(own.kind, _answer(prepared.facts), prepared.facts["input"], prepared.splits)
    folder = settings.home / FOLDER / digest
    if (stored := _stored(folder)) is None:
        stored = {
            "kind": own.kind,
            "stem": stem_of(own.path),
            "facts": prepared.facts,
            "preview": prepared.preview.model_dump(mode="json"),
        }
        _write(folder, stored, prepared.splits)
    return str(KeptName(own.kind, stored["stem"], digest))


def facts_of(preview: Preview, labels: Sequence[str], splits: Mapping[Split, Examples]) -> dict[str, Any]:
    """What a task is made of, but for its input and the examples to try."""
    test = splits["test"].targets
    split = next((note.text for note in preview.notes if note.text.startswith("Split: ")), "Split: as in the data.")
    return {
        "summary": f"Predict the label of your own data in {preview.title}. {split}",
        "labels": list(labels),
        "splits": preview.splits,
        "majority": round(100 * int(np.bincount(test).max()) / len(test), 4),
    }


def answered_facts(preview: Preview, about: str, answer: AnswerFacts, shape: Mapping[str, Any]) -> dict[str, Any]:
    """The same of data whose answers are something else than labels; ``about``: what is to be done, as a sentence."""
    split = next((note.text for note in preview.notes if note.text.startswith("Split: ")), "Split: as in the data.")
    return {
        "summary": f"{about} Your own data in {preview.title}. {split}",
        "answer": answer.model_dump(mode="json"),
        "splits": preview.splits,
        "input": dict(shape),
    }


def _answer(facts: Mapping[str, Any]) -> AnswerFacts:
    return Labels(names=tuple(facts["labels"])) if "labels" in facts else _ANSWER.validate_python(facts["answer"])


def _digest(kind: str, answer: AnswerFacts, shape: Mapping[str, Any], splits: Mapping[Split, Examples]) -> str:
    said = {"labels": answer.names} if isinstance(answer, Labels) else {"answer": answer.model_dump(mode="json")}
    named = {"names": splits["train"].names} if splits["train"].names else {}
    content = {"kind": kind, **said, **named, "input": dict(shape)}
    examples = {split: splits[split].sha256() for split in splits}
    return hashlib.sha256(canonical_json({**content, "splits": examples}).encode()).hexdigest()[:DIGITS]


def _write(folder: Path, stored: Mapping[str, Any], splits: Mapping[Split, Examples]) -> None:
    with errors_in_words(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
        try:
            texts = {split: examples.inputs for split, examples in splits.items() if isinstance(examples.inputs, list)}
            if texts:
                write_json(draft / TEXTS, texts)
            for split, examples in splits.items():
                if split not in texts:
                    np.save(draft / f"{split}.npy", examples.inputs, allow_pickle=False)
                np.save(draft / f"{split}-targets.npy", examples.targets, allow_pickle=False)
            if splits["train"].names:
                write_json(draft / NAMES, splits["train"].names)
            write_json(draft / FACTS, stored)
            if _stored(folder) is not None:  # another process was faster
                return
            clear(folder)  # one without its facts was never finished
            draft.rename(folder)
        finally:
            clear(draft)


def described(task: TaskFacts, name: KeptName, settings: Settings) -> TaskFacts:
    """The facts of kept data; ``task``: what all of their kind share. Raises SourceError where they are not there."""
    folder, facts = settings.home / FOLDER / name.digest, named_facts(task, name)
    if (stored := _stored(folder)) is None or stored["kind"] != name.kind:
        raise SourceError(f"The data of '{name}' are not in {folder}. Name their file or folder again: {name.kind}:PATH.")
    try:
        own = {key: stored["facts"][key] for key in _OWN_FACTS}
        own |= {key: stored["facts"][key] for key in _MORE_FACTS if key in stored["facts"]}
        return TaskFacts.model_validate({**facts.model_dump(), **own, "answer": _answer(stored["facts"])})
    except (KeyError, ValidationError) as error:
        raise _damaged(folder, name.kind, type(error).__name__) from error


def kept_preview(name: KeptName, settings: Settings) -> Preview | None:
    """What was said of the data when they were kept; None where they are not there."""
    try:
        return Preview.model_validate((_stored(settings.home / FOLDER / name.digest) or {})["preview"])
    except (KeyError, ValidationError):
        return None


def read_kept(task: TaskFacts, name: KeptName, settings: Settings) -> dict[Split, Examples]:
    """The examples of kept data; raises SourceError where they are missing or changed."""
    facts, folder = described(task, name, settings), settings.home / FOLDER / name.digest
    try:
        texts = json.loads((folder / TEXTS).read_bytes()) if (folder / TEXTS).is_file() else None
        names = tuple(json.loads((folder / NAMES).read_bytes())) if (folder / NAMES).is_file() else ()
        splits: dict[Split, Examples] = {}
        for split in SPLITS:
            inputs = _texts(texts[split]) if texts is not None else np.load(folder / f"{split}.npy", allow_pickle=False)
            targets = np.load(folder / f"{split}-targets.npy", allow_pickle=False)
            splits[split] = Examples(inputs, targets, names if split == "train" else ())
        if _digest(name.kind, facts.answer, facts.input, splits) != name.digest:
            raise ValueError("their content is not what their name says")
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise _damaged(folder, name.kind, str(error)) from error
    return splits


def _texts(stored: Sequence[Any]) -> list[Any]:
    """Texts as they are; pairs and histories as the tuples that they were before they became JSON."""
    return [tuple(text) if isinstance(text, list) else text for text in stored]


def all_kept(task: TaskFacts, settings: Settings) -> list[TaskFacts]:
    """All of a kind that were kept, by their names."""
    found = []
    for path in (settings.home / FOLDER).glob(f"[0-9a-f]*/{FACTS}"):
        stored = _stored(path.parent)
        if stored is None or stored["kind"] != task.name:
            continue
        name = kept_name(f"{stored['kind']}:{stored['stem']}@{path.parent.name}")
        if name is not None:
            with contextlib.suppress(SourceError):  # whoever uses it is told; the others are listed
                found.append(described(task, name, settings))
    return sorted(found, key=lambda facts: facts.name)


class Functions(NamedTuple):
    """What the ``load.py`` of a kind of own data must offer."""

    preview: Callable[[OwnPath, Settings], Preview]
    keep: Callable[[OwnPath, Settings], str]
    described: Callable[[KeptName, Settings], TaskFacts]
    kept_preview: Callable[[KeptName, Settings], Preview | None]
    read_kept: Callable[[KeptName, Settings], dict[Split, Examples]]
    all_kept: Callable[[Settings], list[TaskFacts]]


def functions(task: TaskFacts, prepare: Callable[[OwnPath, Settings], Prepared]) -> Functions:
    """Those of a kind whose data ``prepare`` looks over; it raises RecipeError where nothing can be read at all."""
    return Functions(
        preview=lambda own, settings: prepare(own, settings).preview,
        keep=lambda own, settings: keep(own, prepare(own, settings), settings),
        described=partial(described, task),
        kept_preview=kept_preview,
        read_kept=partial(read_kept, task),
        all_kept=partial(all_kept, task),
    )


def _stored(folder: Path) -> dict[str, Any] | None:
    """What is known of kept data; None where they are not there, or were never finished."""
    path = folder / FACTS
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, LookupError, TypeError):
        return None


@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> dict[str, Any]:
    """``changed``: another content is another call. Each kind looks through the files of all."""
    stored = json.loads(path.read_bytes())
    return {
        "kind": str(stored["kind"]),
        "stem": str(stored["stem"]),
        "facts": dict(stored["facts"]),
        "preview": stored["preview"],
    }


def _damaged(folder: Path, kind: str, why: str) -> SourceError:
    return SourceError(
        f"The kept data in {folder} cannot be used ({why}). Delete that folder and name your data again: {kind}:PATH."
    )
