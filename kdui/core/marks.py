"""What a person notes on a run: tags, a note, and whether it stands on top of the list. No result depends on it."""

from typing import Annotated

from pydantic import Field, field_validator

from kdui.core.plain import Frozen

MOST_TAGS = 12

Tag = Annotated[str, Field(min_length=1, max_length=40)]


class Marks(Frozen):
    """Tags are kept as they were typed, in one line each; none stands twice."""

    tags: tuple[Tag, ...] = Field(default=(), max_length=MOST_TAGS)
    note: str = Field(default="", max_length=4_000)
    pinned: bool = False

    @field_validator("tags", mode="before")
    @classmethod
    def _each_once(cls, tags: object) -> object:
        """Spaces and line breaks of a tag are one space: the store keeps a tag a line."""
        if not isinstance(tags, (list, tuple)):
            return tags
        words = [" ".join(tag.split()) if isinstance(tag, str) else tag for tag in tags]
        return tuple(dict.fromkeys(word for word in words if word != ""))
