"""A recipe in the page's address: short enough to send to somebody, and there again after a reload."""

import base64
import json
import zlib

from pydantic import ValidationError

from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe

LARGEST = 1_000_000  # bytes of JSON that an address may unpack to
UNREADABLE = (
    "The recipe in this address cannot be read: it was cut off or changed. Ask for the link again, or start from a recipe."
)


def packed(start: str | None, recipe: Recipe) -> str:
    """``quickstart~eNpV…``: the name under Start from, and the recipe as it stands."""
    text = json.dumps(recipe.plain(), ensure_ascii=False, separators=(",", ":"))
    return f"{start or ''}~{base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip('=')}"


def unpacked(text: str) -> tuple[str | None, Recipe]:
    """Name under Start from, if any, and the recipe; raises RecipeError in words."""
    start, _, code = text.partition("~")
    try:
        stream = zlib.decompressobj()
        plain = stream.decompress(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)), LARGEST)
        if stream.unconsumed_tail or not stream.eof:
            raise RecipeError(UNREADABLE)
        return start or None, Recipe.model_validate(json.loads(plain))
    except (ValueError, zlib.error, RecursionError, ValidationError):
        raise RecipeError(UNREADABLE) from None
