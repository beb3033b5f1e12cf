"""The tasks that kdui knows, those of a person's own data among them, and how to get their examples."""

import contextlib
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
from kdui.core.own_names import KINDS, OWN_INPUTS, KeptName, kept_name, named_facts, own_path
from kdui.core.recipe import Recipe
from kdui.core.registry import Registry
from kdui.settings import Settings

if TYPE_CHECKING:
    from kdui.tasks.examples import Examples


class Tasks(Registry[TaskFacts]):
    """The tasks of the folders, and, by its name alone, each that was made of a person's own data (see ``own_task``).

    What lies in those data (labels, sizes) is read in the homes that this process works with: a name holds the digest of the
    content, so it means the same in each. Where they are in none, the facts are those that the name tells.
    """

    def __init__(self) -> None:
        super().__init__("kdui.tasks", "task", "TASK")
        self._homes: dict[Path, Settings] = {}
        self._own: dict[str, TaskFacts] = {}

    def look_in(self, settings: Settings) -> None:
        """From now on a person's own data of that home are known by their names."""
        self._homes.setdefault(settings.home, settings)

    def __getitem__(self, name: str) -> TaskFacts:
        if (kept := kept_name(name)) is not None:
            return self._own_facts(kept)
        if name in KINDS or own_path(name) is not None:
            kind = name.partition(":")[0]
            raise RecipeError(f"'{name}' names no data that were read. Write {kind}:PATH with {OWN_INPUTS[kind]} as the task.")
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        return name in tuple(self) or (isinstance(name, str) and kept_name(name) is not None)

    def __iter__(self) -> Iterator[str]:
        return (name for name in super().__iter__() if name not in KINDS)

    def __len__(self) -> int:
        return super().__len__() - len(KINDS)

    def own_kind(self, kind: str) -> TaskFacts:
        """What all tasks of a kind of own data have in common."""
        return super().__getitem__(kind)

    def own_loader(self, kind: str) -> Any:
        """The module that reads a kind of own data."""
        self.own_kind(kind)
        return importlib.import_module(f"{self._packages[kind]}.load")

    def _own_facts(self, name: KeptName) -> TaskFacts:
        if str(name) not in self._own:
            loader = self.own_loader(name.kind)
            for settings in self._homes.values():
                with contextlib.suppress(SourceError):
                    self._own[str(name)] = loader.described(name, settings)
                    break
            else:
                return named_facts(self.own_kind(name.kind), name)
        return self._own[str(name)]


TASKS = Tasks()

# What a reader raises on a file that is not what it should be.
_MALFORMED = (ValueError, LookupError, EOFError, OSError, zlib.error, csv.Error, ImportError)


def own_task(name: str, settings: Settings) -> str:
    """The task that a recipe names: of data by their path, the name of what was read and kept; any other stays.

    Raises RecipeError in words where the data cannot be used.
    """
    TASKS.look_in(settings)
    own = own_path(name)
    return TASKS.own_loader(own.kind).keep(own, settings) if own is not None else name


def with_own_data(recipe: Recipe, settings: Settings) -> Recipe:
    """The recipe with the task that ``own_task`` says."""
    task = own_task(recipe.task, settings)
    return recipe if task == recipe.task else recipe.model_copy(update={"task": task})


def described(name: str, settings: Settings) -> TaskFacts:
    """A task's facts with the sizes of its splits; raises SourceError where a person's own data are no longer there."""
    TASKS.look_in(settings)
    kept = kept_name(name)
    return TASKS.own_loader(kept.kind).described(kept, settings) if kept is not None else TASKS[name]


def all_tasks(settings: Settings) -> list[TaskFacts]:
    """Those of the folders, and all that were made of a person's own data."""
    TASKS.look_in(settings)
    return [*TASKS.values(), *(facts for kind in KINDS for facts in TASKS.own_loader(kind).all_kept(settings))]


def load_task(name: str, settings: Settings, report: Report | None = None) -> "tuple[TaskFacts, dict[Split, Examples]]":
    """A task's facts and its examples by split, fetched first if need be; a task of parts is put together from theirs.

    Raises UnknownName for a task that does not exist and SourceError when its files cannot be brought or read.
    """
    if (kept := kept_name(name)) is not None:
        return described(name, settings), TASKS.own_loader(kept.kind).read_kept(kept, settings)
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
