"""A person's own data before they are a task: what kind a path holds, and their preview."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from kdui.catalogue.reach import require_reach
from kdui.catalogue.references import anchored_ref
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError
from kdui.core.own_names import (
    BOXES,
    CORPUS,
    HUB,
    MASKS,
    OWN_INPUTS,
    PICTURES,
    SOUNDS,
    TEXTS,
    TRANSCRIPTS,
    OwnPath,
    kept_name,
    own_path,
)
from kdui.core.own_preview import Preview
from kdui.settings import Settings

_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".json", ".parquet")
_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_TEXTS = (".txt", ".md", ".text", ".markdown")
_MASK_FOLDERS = ("masks", "mask")
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
    if (kind := _told_by(names)) is not None:
        return kind
    kinds = "; ".join(f"{kind}:PATH, {inside}" for kind, inside in OWN_INPUTS.items())
    raise RecipeError(f"It cannot be told what {where} holds. Write what it is: {kinds}.")


def _told_by(names: Sequence[str]) -> str | None:
    """The kind of data that files of these names, in small letters, most likely are; what a table holds they do not tell."""

    def some(endings: tuple[str, ...]) -> bool:
        return any(name.endswith(endings) for name in names)

    if some(_IMAGES):
        masked = any(set(name.split("/")[:-1]) & set(_MASK_FOLDERS) or "_mask." in name for name in names)
        return MASKS if masked else BOXES if some((".xml", ".json")) else PICTURES
    if some((".wav",)):
        return TRANSCRIPTS if some(_TABLES) else SOUNDS
    return TEXTS if some(_TABLES) else CORPUS if some(_TEXTS) else None


def _names(where: Path) -> Iterator[str]:
    """The file's name, or those in a folder or zip with the folders that they lie in."""
    if where.is_dir():
        for place, folders, names in os.walk(where):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            below = Path(place).relative_to(where)
            yield from ((below / name).as_posix() for name in sorted(names) if not name.startswith("."))
    elif not where.exists():
        raise RecipeError(f"There is no file or folder {where}. Check the path.")
    elif where.suffix.lower() != ".zip":
        yield where.name
    else:
        try:
            with zipfile.ZipFile(where) as archive:
                yield from archive.namelist()
        except (zipfile.BadZipFile, RuntimeError, ValueError):
            raise RecipeError(f"{where.name} is no zip, in spite of its name.") from None
