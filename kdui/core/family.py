"""A family: the runs of one sweep or one search as one thing, with the values in which its members differ."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from kdui.core.plain import Frozen
from kdui.core.recipe import MOST_NAME, Line

FamilyKind = Literal["grid", "random", "list", "seeds", "search"]
KIND_WORDS = {"grid": "grid", "random": "random sweep", "list": "list", "seeds": "repeats over seeds", "search": "search"}


class FamilyState(StrEnum):
    """What a person wants of a family; how far it is, its runs say."""

    ACTIVE = "active"
    PAUSED = "paused"  # what runs goes on, what waits is not started
    CANCELLED = "cancelled"
    ENDED = "ended"  # of a search: it stopped on its own, and ``note`` says why


class Axis(Frozen):
    """One setting that varies, by its dotted name: over ``values``, or from ``low`` to ``high``."""

    name: Line = Field(max_length=MOST_NAME)
    values: tuple[Any, ...] = Field(default=(), max_length=1000)
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    log: bool = Field(default=False, description="even steps are ratios, as suits a learning rate")
    whole: bool = Field(default=False, description="whole numbers only")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Axis":
        if self.values:
            return self
        if self.low is None or self.high is None or not self.low < self.high:
            raise ValueError(f"{self.name} needs values, or a range whose first end is below the second")
        if self.log and self.low <= 0:
            raise ValueError(f"{self.name} can only be spaced by ratios above 0")
        return self

    @property
    def is_range(self) -> bool:
        return not self.values


class Family(Frozen):
    """One sweep or search; ``spec`` is what it was made of: its base recipe and its axes."""

    id: str
    name: str
    kind: FamilyKind
    task: str
    state: FamilyState
    device: str
    created: datetime
    spec: dict[str, Any]
    spent_seconds: float = Field(default=0.0, description="of a search: s in which it was looked after")
    ticked: datetime | None = Field(default=None, description="of a search: when it was last looked after")
    note: str = Field(default="", description="why a search ended")
    queued_by: str = Field(default="", description="name of the account that began it; empty: on the machine itself")


class Member(Frozen):
    """One of its runs: the values that make it, and what became of it."""

    family: str
    number: int
    values: dict[str, Any]
    run: str | None = Field(default=None, description="None while it is not queued, or where it cannot be")
    outcome: dict[str, Any] = Field(default={}, description="where it ended otherwise than its run: refused, pruned, stopped")
