"""The tasks that kdui knows, those of a person's own text among them, and how to get their examples."""

import csv
import importlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdui.catalogue.fetch import fetch
from kdui.catalogue.source_attempt import Report
from kdui.core.contracts import OutOfDomain, Split, TaskFacts
from kdui.core.errors import RecipeError, SourceError
from kdui.core.recipe import Recipe
from kdui.core.registry import Registry
from kdui.settings import Settings
from kdui.tasks.own_corpus.spec import PREFIX, facts_of, kept_name, path_in
from kdui.tasks.own_corpus.spec import TASK as OWN

if TYPE_CHECKING:
    from kdui.tasks.examples import Examples


class Tasks(Registry[TaskFacts]):
    """The tasks of the folders, and, by its name alone, that of any text which was kept (see ``own_task``).

    Of a person's own text all is known but the sizes of its splits, which ``described`` reads.
    """

    def __getitem__(self, name: str) -> TaskFacts:
        if (kept := kept_name(name)) is not None:
            return facts_of(kept)
        if name == OWN.name or path_in(name) is not None:
            raise RecipeError(f"'{name}' is no text that was read. Write {PREFIX}PATH with a text file or a folder as the task.")
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return name in tuple(self) or (isinstance(name, str) and kept_name(name) is not None)

    def __iter__(self) -> Iterator[str]:
        return (name for name in super().__iter__() if name != OWN.name)

    def __len__(self) -> int:
        return super().__len__() - 1


TASKS = Tasks("kdui.tasks", "task", "TASK")

# What a reader raises on a file that is not what it should be.
_MALFORMED = (ValueError, LookupError, EOFError, OSError, zlib.error, csv.Error, ImportError)


def own_task(name: str, settings: Settings) -> str:
    """The task that a recipe names: of a text by its path, the name of what was read and kept; any other stays.

    Raises RecipeError in words where the text cannot be used.
    """
    path = path_in(name)
    return _own_loader().keep(path, settings) if path is not None else name


def with_own_text(recipe: Recipe, settings: Settings) -> Recipe:
    """The recipe with the task that ``own_task`` says."""
    task = own_task(recipe.task, settings)
    return recipe if task == recipe.task else recipe.model_copy(update={"task": task})


def described(name: str, settings: Settings) -> TaskFacts:
    """A task's facts with the sizes of its splits; raises SourceError where a person's own text is no longer there."""
    kept = kept_name(name)
    return _own_loader().described(kept, settings) if kept is not None else TASKS[name]


def all_tasks(settings: Settings) -> list[TaskFacts]:
    """Those of the folders, and all that were made of a person's own text."""
    return [*TASKS.values(), *_own_loader().kept_corpora(settings)]


def _own_loader() -> Any:
    return importlib.import_module("kdui.tasks.own_corpus.load")


def load_task(name: str, settings: Settings, report: Report | None = None) -> "tuple[TaskFacts, dict[Split, Examples]]":
    """A task's facts and its examples by split, fetched first if need be; a task of parts is put together from theirs.

    Raises UnknownName for a task that does not exist and SourceError when its files cannot be brought or read.
    """
    if (kept := kept_name(name)) is not None:
        return described(name, settings), _own_loader().read_kept(kept, settings)
    facts = TASKS[name]
    if facts.parts:
        parts = {part: load_task(part, settings, report)[1] for part in facts.parts}
        return facts, TASKS.module(name, "load").combine(parts)
    folder = fetch(facts.resource, settings, report)
    try:
        splits = TASKS.module(name, "load").load(folder)
    except _MALFORMED as error:
        raise _unreadable(facts.title, folder, error) from error
    sizes: dict[str, int] = {split: len(examples) for split, examples in splits.items()}
    if sizes != facts.splits:
        raise _others(facts.title, folder, _sizes(sizes), _sizes(facts.splits))
    return facts, splits


def load_out_of_domain(facts: TaskFacts, other: OutOfDomain, settings: Settings, report: Report | None = None) -> "Examples":
    """Test examples of a task from an out-of-domain source; raises SourceError when they cannot be downloaded or read."""
    folder = fetch(other.resource, settings, report)
    try:
        examples: Examples = TASKS.module(facts.name, "out_of_domain").load(other.name, folder)
    except _MALFORMED as error:
        raise _unreadable(other.title, folder, error) from error
    if len(examples) != other.examples:
        raise _others(other.title, folder, f"{len(examples):,} examples", f"{other.examples:,} examples")
    return examples


def _unreadable(title: str, folder: Path, error: Exception) -> SourceError:
    return SourceError(
        f"The files of {title} in {folder} cannot be read ({type(error).__name__}: {error}). "
        "Delete that folder and start again: they are then fetched anew."
    )


def _others(title: str, folder: Path, held: str, known: str) -> SourceError:
    return SourceError(
        f"The files of {title} in {folder} are not the expected ones: they hold {held} instead of {known}. "
        "Delete that folder, check KDUI_DATA_DIR, and start again."
    )


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in sizes.items()) + " examples"
