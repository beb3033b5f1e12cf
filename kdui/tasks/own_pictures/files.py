"""The image files of a person by class: in a folder or a zip, perhaps below folders for the splits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kdui.core.errors import RecipeError
from kdui.settings import Settings
from kdui.tasks.own_data.by_class import Found, by_class
from kdui.tasks.own_data.entries import opened

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_WANTED = "Write own-pictures:PATH with a folder or zip that holds a folder of images for each class."


@contextmanager
def found_pictures(path: str, settings: Settings) -> Iterator[Found]:
    """The images at a path; a zip is open as long as they are read. Raises RecipeError where there are none."""
    with opened(path, _WANTED, settings) as entries:
        found = by_class(entries, ENDINGS, "images")
        if not found.files:
            raise RecipeError(
                f"{Path(path).name} holds no image in a folder of its class. Put each class into a folder of its own: "
                "cats/1.jpg, dogs/1.jpg …; PNG, JPEG, WebP and GIF are read."
            )
        yield found
