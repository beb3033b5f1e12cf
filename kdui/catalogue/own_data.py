"""A person's own data before they are a task: what kind a path holds, and their preview."""

import os
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from kdui.catalogue.reach import require_reach
from kdui.catalogue.references import anchored_ref
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError
from kdui.core.own_names import CORPUS, HUB, PICTURES, TEXTS, OwnPath, kept_name, own_path
from kdui.core.own_preview import Preview
from kdui.settings import Settings

_KINDS = {
    PICTURES: (".png", ".jpg", ".jpeg", ".webp", ".gif", ".zip"),
    TEXTS: (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet"),
    CORPUS: (".txt", ".md", ".text", ".markdown"),
}
_LOOKED_AT = 1000  # files of a folder that tell what it holds


def own_name(text: str, folder: Path, settings: Settings) -> str:
    """The name of the data that a person means by a path alone, ``own-texts:/data/reviews.csv``; a name of data stays.

    Raises RecipeError in words where the kind cannot be told.
    """
    if kept_name(text) is None and own_path(text) is None:
        path, _, query = text.partition("?")
        text = f"{_kind_of(path, folder, settings)}:{path}" + (f"?{query}" if query else "")
    return anchored_ref(text, folder)


def preview_of(name: str, settings: Settings) -> Preview:
    """What is known of own data by their path, or was when they were kept; raises RecipeError or SourceError in words."""
    TASKS.look_in(settings)
    if (own := own_path(name)) is not None:
        found: Preview = TASKS.own_loader(own.kind).preview(own, settings)
        return found
    if (kept := kept_name(name)) is None:
        raise RecipeError(f"'{name[:200]}' names no data of your own. Write a path, e.g. own-texts:reviews.csv.")
    loader = TASKS.own_loader(kept.kind)
    facts = loader.described(kept, settings)
    return loader.kept_preview(kept, settings) or Preview(kind=kept.kind, title=facts.title, read=(("task", facts.summary),))


def _kind_of(path: str, folder: Path, settings: Settings) -> str:
    """By the endings of the first files that are there."""
    if path.startswith(HUB):
        return TEXTS
    place = own_path(anchored_ref(str(OwnPath(TEXTS, path)), folder))
    where = Path(place.path if place else path).expanduser()
    require_reach(str(where), settings)
    try:
        names = [name.lower() for name in islice(_names(where), _LOOKED_AT)]
    except OSError as error:
        raise RecipeError(f"{where} cannot be read ({error.strerror or error}). Check the path and its permissions.") from error
    for kind, endings in _KINDS.items():
        if any(name.endswith(endings) for name in names):
            return kind
    raise RecipeError(
        f"It cannot be told what {where} holds. Write own-texts:PATH (a CSV, TSV, JSON lines or Parquet file), "
        "own-pictures:PATH (a folder or zip with a folder for each class) or own-corpus:PATH (text without labels)."
    )


def _names(where: Path) -> Iterator[str]:
    if not where.is_dir():
        if not where.exists():
            raise RecipeError(f"There is no file or folder {where}. Check the path.")
        if where.suffix.lower() == ".zip" and not zipfile.is_zipfile(where):
            raise RecipeError(f"{where.name} is no zip, in spite of its name.")
        yield where.name
        return
    for _, folders, names in os.walk(where):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (name for name in sorted(names) if not name.startswith("."))
