"""The tasks that kdui knows, and how to get their examples."""

import csv
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from kdui.catalogue.fetch import fetch
from kdui.catalogue.source_attempt import Report
from kdui.core.contracts import OutOfDomain, Split, TaskFacts
from kdui.core.errors import SourceError
from kdui.core.registry import Registry
from kdui.settings import Settings

if TYPE_CHECKING:
    from kdui.tasks.examples import Examples

TASKS: Registry[TaskFacts] = Registry("kdui.tasks", "task", "TASK")

# What a reader raises on a file that is not what it should be.
_MALFORMED = (ValueError, LookupError, EOFError, OSError, zlib.error, csv.Error, ImportError)


def load_task(name: str, settings: Settings, report: Report | None = None) -> "tuple[TaskFacts, dict[Split, Examples]]":
    """A task's facts and its examples by split, fetched first if need be; a task of parts is put together from theirs.

    Raises UnknownName for a task that does not exist and SourceError when its files cannot be brought or read.
    """
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
