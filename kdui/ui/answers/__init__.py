"""How each kind of answer is shown: ``kdui/ui/answers/KIND.py`` renders the part of that kind, found by name."""

import importlib
from typing import Protocol, cast

from kdui.core.answers import AnswerPart
from kdui.core.plan import Role


class Renderer(Protocol):
    """One module of this folder."""

    def html(self, part: AnswerPart, role: Role) -> str:
        """The part as markup in the colour of the model's role; all that models say is escaped."""

    def summary(self, part: AnswerPart) -> tuple[str, ...]:
        """What models can agree on, in short; empty where answers of this kind are not to be counted."""


def renderer(part: AnswerPart) -> Renderer:
    """The module that shows parts of this kind."""
    return cast(Renderer, importlib.import_module(f"kdui.ui.answers.{part.kind}"))
