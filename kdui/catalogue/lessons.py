"""Lessons: one YAML file each in ``assets/lessons``, and the glossary that their texts point into.

Their texts in another language stand in a file of the same name in a folder of that language; all else is the English file's.

In every text a blank line parts paragraphs, ``**words**`` are strong, words between backquotes are code, and ``[[term]]`` or
``[[words|term]]`` shows the glossary's entry. A figure is a module of ``assets/modules/lessons``; what it shows was recorded by
``python -m kdui.bench.lessons`` or is computed in the browser, and its ``origin`` says which.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from kdui.catalogue.languages import ENGLISH, languages
from kdui.catalogue.yaml_text import read_file, read_yaml
from kdui.core.bounds import fault
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.places import ASSETS
from kdui.core.plain import Frozen

FOLDER = ASSETS / "lessons"
DATA = FOLDER / "data"
GLOSSARY = FOLDER / "glossary.yaml"
TERM = re.compile(r"\[\[([^\]|]+)(?:\|([^\]]+))?\]\]")  # [[words]] or [[words|term]]


class Question(Frozen):
    """What a reader predicts before the answer is shown; ``show``: where the picture's controls stand with the answer."""

    ask: str
    choices: tuple[str, ...] = Field(min_length=2, max_length=5)
    right: int = Field(ge=0, description="place of the right choice")
    why: str
    show: dict[str, bool | int | float | str] = {}

    @model_validator(mode="after")
    def _one_of_them(self) -> "Question":
        if self.right >= len(self.choices):
            raise ValueError("right is no place in choices")
        return self


class Trial(Frozen):
    """What the lesson changes in a recipe of the reader's own task: dotted values, or all stages after the teacher's training."""

    note: str
    values: dict[str, Any] = {}
    stages: tuple[Any, ...] = ()


class Source(Frozen):
    """Where a statement comes from."""

    title: str
    url: str = Field(pattern=r"^https://")


class Lesson(Frozen):
    """One idea, one picture that the reader moves, one prediction."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    number: int = Field(ge=1)
    title: str
    idea: str = Field(max_length=160)
    minutes: int = Field(ge=3, le=6)
    figure: str = Field(pattern=r"^[a-z_]+$", description="a module of assets/modules/lessons")
    data: str | None = Field(default=None, description="a file of assets/lessons/data")
    origin: Literal["measured", "computed", "measured, computed"]
    opening: str
    tries: tuple[str, ...] = Field(min_length=1, max_length=5)
    question: Question
    closing: str
    trial: Trial
    sources: tuple[Source, ...] = Field(min_length=1)

    @field_validator("figure")
    @classmethod
    def _there(cls, figure: str) -> str:
        if not (FOLDER.parent / "modules" / "lessons" / f"{figure}.js").is_file():
            raise ValueError(f"there is no assets/modules/lessons/{figure}.js")
        return figure

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that may point into the glossary."""
        return (self.opening, *self.tries, self.question.ask, self.question.why, self.closing, self.trial.note)

    @property
    def terms(self) -> tuple[str, ...]:
        """The glossary's entries that the texts point to, each once, in their order."""
        return tuple(dict.fromkeys(term or words for text in self.texts for words, term in TERM.findall(text)))


class Term(Frozen):
    """A term of the glossary in one language."""

    name: str
    words: str


@cache
def lessons(language: str = ENGLISH) -> dict[str, Lesson]:
    """All lessons by name, in their order; raises RecipeError that names the file which cannot be read."""
    found = [_read(path, language) for path in FOLDER.glob("*.yaml") if path != GLOSSARY]
    return {lesson.name: lesson for lesson in sorted(found, key=lambda lesson: lesson.number)}


def lesson(name: str, language: str = ENGLISH) -> Lesson:
    """One lesson; raises UnknownName."""
    if name not in lessons():
        raise UnknownName("lesson", name, lessons())
    return lessons(language)[name]


def lesson_data(lesson: Lesson) -> dict[str, Any]:
    """What was recorded for the lesson's figure; empty where it computes all that it shows."""
    if lesson.data is None:
        return {}
    data: dict[str, Any] = json.loads((DATA / f"{lesson.data}.json").read_bytes())
    return data


@cache
def glossary(language: str = ENGLISH) -> dict[str, Term]:
    """Every term by its English name, in the order of the English alphabet."""
    terms = {term: Term(name=term, words=words) for term, words in _data(GLOSSARY).items()}
    if language != ENGLISH:
        terms |= {term: Term(name=name, words=words) for term, (name, words) in _data(_in(language, GLOSSARY)).items()}
    return dict(sorted(terms.items(), key=lambda item: item[0].casefold()))


def known_language(name: object) -> str:
    """The language of that code, English for any other."""
    return name if isinstance(name, str) and name in languages() else ENGLISH


def _in(language: str, path: Path) -> Path:
    return path.parent / language / path.name


def _data(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = read_yaml(read_file(path), str(path)).data
    return data


def _read(path: Path, language: str) -> Lesson:
    data = {"name": path.stem, **_data(path)}
    if language != ENGLISH:
        for key, text in _data(_in(language, path)).items():
            data[key] = {**data[key], **text} if isinstance(text, dict) else text
    try:
        return Lesson.model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"{path} cannot be used: {fault(Lesson, error.errors()[0])}.") from None
