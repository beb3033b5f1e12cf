"""What a model's answer consists of: typed parts. A new kind is one class here and one renderer in ``kdui/ui/answers``."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from kdui.core.plain import Frozen

Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]  # a sum of float32 may exceed 1 by a rounding
Ending = Literal["end token", "stop", "limit"]


class RankedLabel(Frozen):
    """One label with its probability; ``part`` names the task that it answers where a model has several."""

    label: str
    probability: Share
    part: str = ""


class Ranked(Frozen):
    """Labels by probability, best first; of several tasks the best of each comes first."""

    kind: Literal["ranked"] = "ranked"
    rows: tuple[RankedLabel, ...] = Field(min_length=1)

    @property
    def best(self) -> tuple[str, ...]:
        """The most probable label; of several tasks that of each."""
        labels_by_part: dict[str, str] = {}
        for row in self.rows:
            labels_by_part.setdefault(row.part, row.label)
        return tuple(labels_by_part.values())


class Token(Frozen):
    """One generated token as the text that it adds: empty where its bytes are only part of a letter."""

    text: str
    probability: Share | None = Field(default=None, description="under the model that generated it, at temperature 1")
    reference: Share | None = Field(default=None, description="that a reference model gives to it after the same tokens")
    agrees: bool | None = Field(default=None, description="whether it is the reference model's most probable token")


class Text(Frozen):
    """Generated text. A stream's parts are pieces of one text: put one after another they are all of it."""

    kind: Literal["text"] = "text"
    tokens: tuple[Token, ...] = ()
    seconds: float | None = Field(default=None, ge=0, description="that the model itself took for these tokens, measured")
    ended: Ending | None = Field(default=None, description="why nothing follows; None where more may")

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


AnswerPart = Annotated[Ranked | Text, Field(discriminator="kind")]

_PARTS: TypeAdapter[tuple[AnswerPart, ...]] = TypeAdapter(tuple[AnswerPart, ...])


def read_parts(items: Iterable[Any]) -> tuple[AnswerPart, ...]:
    """Parts from their plain form, as the serving process sends them."""
    return _PARTS.validate_python(tuple(items))
