"""Which files a reference may name: on the page those of kdui itself, at the command line whatever the person can read."""

import os
from pathlib import Path

from kdui.core.errors import RecipeError
from kdui.core.places import ASSETS
from kdui.settings import Settings

PROJECT = ASSETS.parent
SYSTEM = (Path("/proc"), Path("/sys"), Path("/dev"))  # views into the running system: no file there is a model's


def require_reach(name: str, settings: Settings) -> None:
    """Raises RecipeError where the path leads outside of what may be read.

    Where it is not allowed, the words are the same whether there is such a file or not, so that nobody can look around.
    Links are followed first.
    """
    places = _places(name)
    if settings.own_files_only and not (places and all(_below(place, _own(settings)) for place in places)):
        raise RecipeError(
            "The page reads only files below KDUI_HOME, KDUI_DATA_DIR and kdui's assets. Put the file there, "
            "or queue the recipe at the command line with 'python app.py run FILE.yaml'."
        )
    if any(_below(place, SYSTEM) for place in [*places, *_as_written(name)]):
        raise RecipeError(f"'{name}' is a view into the running system and no file of a model. Name a file on a disk.")


def _own(settings: Settings) -> tuple[Path, ...]:
    return tuple(_real(place) for place in (settings.home, settings.data_dir, ASSETS) if place is not None)


def _places(name: str) -> list[Path]:
    """Where the name leads in the end: a relative one that comes with kdui to its assets. Nothing for what is no path."""
    try:
        given = Path(name).expanduser()
        shipped = PROJECT / given
        own = not given.is_absolute() and _below(_real(shipped), (ASSETS,))
        return [_real(shipped if own else given)]
    except (OSError, ValueError, RuntimeError):  # a loop of links, a zero byte, nobody's home
        return []


def _as_written(name: str) -> list[Path]:
    """The path before links are followed: /proc/self/root is a link to everything."""
    try:
        return [Path(os.path.abspath(Path(name).expanduser()))]
    except (OSError, ValueError, RuntimeError):
        return []


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _below(path: Path, roots: tuple[Path, ...]) -> bool:
    return any(path == root or root in path.parents for root in roots)
