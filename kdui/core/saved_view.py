"""A view of the page under a name that a person gave."""

from pydantic import Field

from kdui.core.plain import Frozen


class View(Frozen):
    """What the address of the page says, behind the question mark."""

    name: str = Field(min_length=1, max_length=80)
    query: str = Field(max_length=2_000, pattern=r"^tab=[a-z]+(&[\w.%+*~-]+=[\w.%+*~-]*)*$")
