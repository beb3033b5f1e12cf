"""How each kind of answer is shown: ``kdui/ui/answers/KIND.py`` renders the part of that kind, found by name."""

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from kdui.core.answers import AnswerPart
from kdui.core.plan import Role


class Renderer(Protocol):
    """One module of this folder."""

    def html(self, part: AnswerPart, role: Role) -> str:
        """The part as markup in the colour of the model's role; all that models say is escaped."""

    def told(self, parts: Sequence[AnswerPart], then: Sequence[str]) -> list[AnswerPart]:
        """Several models' answers to one input, each told of the others, and of what really came ``then``. Only where a card
        shows something of other models."""

    def compared(self, parts: Sequence[AnswerPart], then: Sequence[str]) -> str:
        """What several models' answers have in common, in a sentence. Only where ``summary`` does not count."""

    def summary(self, part: AnswerPart) -> tuple[str, ...]:
        """What models can agree on, in short; empty where answers of this kind are not to be counted."""


def together(models: Sequence[tuple[str, Role, AnswerPart]]) -> str:
    """What there is to see of several models' answers of one kind only beside one another: title, role and part of each.

    By the kind's own ``together``; empty for kinds without one.
    """
    own = getattr(renderer(models[0][2]), "together", None)
    return str(own(models)) if own and len({part.kind for *_, part in models}) == 1 else ""


def renderer(part: AnswerPart) -> Renderer:
    """The module that shows parts of this kind."""
    return cast(Renderer, importlib.import_module(f"kdui.ui.answers.{part.kind}"))
