"""What one answer of a model is: the typed part of a task's facts.

A kind of answer that others than its problem must know is a class here and a name in the union; whoever needs no particular kind
reads what all of them have.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from kdui.core.code_points import text_of
from kdui.core.plain import Frozen


class _Answer(Frozen):
    """What every kind of answer has. Neutral where a kind has nothing of it."""

    @property
    def width(self) -> int:
        """Width of the model's last axis, where the task decides it; 0 where the model does, by its vocabulary."""
        return 0

    @property
    def counted(self) -> str:
        """How many choices there are, in words; empty where the task has no number of them."""
        return ""

    @property
    def choices(self) -> tuple[str, ...]:
        """The names of what the last axis chooses from; empty where they have none."""
        return ()

    @property
    def chance(self) -> float:
        """Share in % of correct answers of whoever guesses; 0 where that has no meaning."""
        return 0.0

    def truth(self, target: Any) -> str:
        """A target as the task's data have it, as a true answer in words; empty where targets are no answers."""
        return ""


class Labels(_Answer):
    """One label of a list. ``parts``: the tasks that the labels belong to, one after the other, where a task combines several."""

    kind: Literal["labels"] = "labels"
    names: tuple[str, ...]
    parts: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """A logit for each label."""
        return len(self.names)

    @property
    def choices(self) -> tuple[str, ...]:
        """The labels."""
        return self.names

    @property
    def counted(self) -> str:
        """8 classes."""
        return f"{len(self.names)} classes"

    @property
    def chance(self) -> float:
        """As if each label were as likely; of several tasks not known, for they have different numbers of labels."""
        return 0.0 if self.parts else 100.0 / len(self.names)

    def truth(self, target: Any) -> str:
        """The label of this number."""
        return self.names[int(target)]


class NextToken(_Answer):
    """The next token of a text, of whatever vocabulary the model has."""

    kind: Literal["next-token"] = "next-token"


class Span(_Answer):
    """The first and the last word of a piece of a passage, of whose words a model reads at most ``words``."""

    kind: Literal["span"] = "span"
    words: int

    @property
    def width(self) -> int:
        """A logit for each word of the passage, for the first and for the last one alike."""
        return self.words


class WrittenText(_Answer):
    """A whole text that answers the input, such as its translation; targets are its code points."""

    kind: Literal["text"] = "text"
    given: str = Field(description="what the input is called: English")
    written: str = Field(description="what the answer is called: German")
    verb: str = Field(default="Translate", description="what is done to the input, as a button says it")

    def truth(self, target: Any) -> str:
        """The reference text."""
        return text_of(int(point) for point in target)


class Mask(_Answer):
    """One of a list of classes at each place of an image; the first is the background."""

    kind: Literal["mask"] = "mask"
    names: tuple[str, ...] = Field(min_length=2)

    @property
    def width(self) -> int:
        """A logit for each class."""
        return len(self.names)

    @property
    def choices(self) -> tuple[str, ...]:
        """The classes."""
        return self.names

    @property
    def counted(self) -> str:
        """11 classes a pixel."""
        return f"{len(self.names)} classes a pixel"

    def truth(self, target: Any) -> str:
        """The classes that a map [height, width] holds beside the background, the largest first: 'Bag, Sandal'; of a single one
        how much of the map it covers: 'nucleus 12 %'."""
        places = [int(place) for row in target for place in row]
        counts = sorted((-places.count(number), name) for number, name in enumerate(self.names) if number and number in places)
        if not counts:
            return f"only {self.names[0]}"
        if len(self.names) == 2:
            return f"{self.names[1]} {100 * places.count(1) / len(places):.0f} %"
        return ", ".join(name for _, name in counts)


class Boxes(_Answer):
    """Objects in an image: a box and one of a list of classes each; the first is the background."""

    kind: Literal["boxes"] = "boxes"
    names: tuple[str, ...] = Field(min_length=2)

    @property
    def width(self) -> int:
        """A logit for each class, and the four sides of a box."""
        return len(self.names) + 4

    @property
    def choices(self) -> tuple[str, ...]:
        """The classes."""
        return self.names

    @property
    def counted(self) -> str:
        """10 classes of objects."""
        objects = len(self.names) - 1
        return f"{objects} classes of objects" if objects > 1 else "1 class of objects"

    def truth(self, target: Any) -> str:
        """How many boxes [most, 5] there are of each class, the most frequent first: '2 Bag, 1 Sandal'."""
        numbers = [int(box[0]) for box in target if box[0] > 0]
        counts = sorted(((numbers.count(number), number) for number in set(numbers)), key=lambda item: (-item[0], item[1]))
        return ", ".join(f"{count} {self.names[number]}" for count, number in counts) or "no object"


class Transcript(_Answer):
    """What is said in a recording, as a sequence of symbols: words, letters or whatever is emitted one by one."""

    kind: Literal["transcript"] = "transcript"
    names: tuple[str, ...] = Field(min_length=1, description="the symbols")
    between: str = Field(default=" ", description="what stands between two symbols in writing; nothing between letters")

    @property
    def width(self) -> int:
        """A logit for each symbol, and one to emit nothing."""
        return len(self.names) + 1

    @property
    def choices(self) -> tuple[str, ...]:
        """Nothing (the blank) and the symbols."""
        return "blank", *self.names

    @property
    def counted(self) -> str:
        """10 words."""
        return f"{len(self.names)} {'words' if self.between else 'letters'}"

    def written(self, symbols: Sequence[int]) -> str:
        """The text of symbols by their numbers."""
        return self.between.join(self.names[symbol] for symbol in symbols)

    def truth(self, target: Any) -> str:
        """The true transcript; what is below 0 fills up."""
        return self.written([int(symbol) for symbol in target if symbol >= 0])


class Items(_Answer):
    """A ranking of a catalogue whose items the data name."""

    kind: Literal["items"] = "items"
    count: int

    @property
    def width(self) -> int:
        """A score for each item."""
        return self.count

    @property
    def counted(self) -> str:
        """1,561 items."""
        return f"{self.count:,} items"


class Picture(_Answer):
    """A picture that is made of noise, and the classes that a judge sees in such."""

    kind: Literal["picture"] = "picture"
    channels: int = Field(default=1, ge=1, le=3)
    names: tuple[str, ...] = Field(min_length=2, description="the judge's classes")

    @property
    def width(self) -> int:
        """A level for each channel of a pixel."""
        return self.channels


class OfProblem(_Answer):
    """Whatever the task's problem reads from its outputs: nobody else needs to know more."""

    kind: Literal["of-problem"] = "of-problem"


AnswerFacts = Annotated[
    Labels | NextToken | Span | WrittenText | Mask | Boxes | Transcript | Items | Picture | OfProblem, Field(discriminator="kind")
]
