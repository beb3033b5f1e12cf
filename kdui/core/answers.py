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


class SpanWord(Frozen):
    """One word of a passage; no probabilities where the model did not read it."""

    text: str
    start: Share | None = Field(default=None, description="that an answer begins with it")
    end: Share | None = Field(default=None, description="that an answer ends with it")


class Span(Frozen):
    """A passage of which the words from ``first`` to ``last`` are the answer; the model read its first ``read`` words."""

    kind: Literal["span"] = "span"
    words: tuple[SpanWord, ...] = Field(min_length=1)
    first: int = Field(ge=0)
    last: int = Field(ge=0)
    read: int = Field(ge=0)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words[self.first : self.last + 1])

    @property
    def probability(self) -> float:
        """That an answer begins and ends there, start and end being independent in such a model."""
        return (self.words[self.first].start or 0.0) * (self.words[self.last].end or 0.0)


class Mask(Frozen):
    """A class at each place of an image, with the image itself, both as PNG in base64.

    A level of ``classes`` is the place of a class in ``names``, whose first is the background; ``truth`` likewise, where the
    image is a test example.
    """

    kind: Literal["mask"] = "mask"
    names: tuple[str, ...] = Field(min_length=2)
    image: str
    classes: str
    text: str = Field(description="what the mask covers, in words: nucleus 12.3 %")
    truth: str = ""
    truth_text: str = ""


class Box(Frozen):
    """An object in an image: its class and the sides of its box in pixels; no score where it is a true one."""

    label: str
    score: Share | None = None
    left: float
    top: float
    right: float
    bottom: float
    matches: bool | None = Field(default=None, description="a true one of its class (IoU 0.5); None where those are not known")


class Boxes(Frozen):
    """The objects that a model finds in an image, the surest first, with the image itself as PNG in base64.

    ``truth``: the true ones, where the image is a test example.
    """

    kind: Literal["boxes"] = "boxes"
    names: tuple[str, ...] = Field(min_length=1, description="the classes of objects that the model knows")
    image: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    least: Share = Field(description="the score of the least sure box that is among them")
    boxes: tuple[Box, ...] = ()
    truth: tuple[Box, ...] | None = None


class Frame(Frozen):
    """One frame of a recording: its likeliest symbol with its probability; ``emits``: the transcript takes one from here."""

    symbol: str = Field(description="empty where every symbol is improbable")
    probability: Share
    emits: bool = False


class Transcript(Frozen):
    """What a model transcribes of a recording, and frame by frame how it came about; frames are equally long."""

    kind: Literal["transcript"] = "transcript"
    text: str
    frames: tuple[Frame, ...]
    seconds: float = Field(ge=0, description="how long the recording is")
    spectrogram: str = Field(description="of the recording, a PNG in base64")


class RankedItem(Frozen):
    """One item of a catalogue. ``score`` orders the items of one model and means nothing beside another model's."""

    name: str
    score: float
    also: int = Field(default=0, ge=0, description="of the other models that answered, how many propose it, too")
    taken: bool = Field(default=False, description="whether the person of a test example really took it then")


class Items(Frozen):
    """The items that a model proposes, best first."""

    kind: Literal["items"] = "items"
    rows: tuple[RankedItem, ...] = Field(min_length=1)


class Picture(Frozen):
    """A picture that a model made, a PNG in base64, and what a judge takes it for."""

    kind: Literal["picture"] = "picture"
    image: str
    label: str = Field(description="the judge's class")
    probability: Share = Field(description="that the judge gives to it")

    @property
    def text(self) -> str:
        return f"judged as {self.label}, {100 * self.probability:.0f} %"


AnswerPart = Annotated[Ranked | Text | Span | Mask | Boxes | Transcript | Items | Picture, Field(discriminator="kind")]

_PARTS: TypeAdapter[tuple[AnswerPart, ...]] = TypeAdapter(tuple[AnswerPart, ...])


def read_parts(items: Iterable[Any]) -> tuple[AnswerPart, ...]:
    """Parts from their plain form, as the serving process sends them."""
    return _PARTS.validate_python(tuple(items))
