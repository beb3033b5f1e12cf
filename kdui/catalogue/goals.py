"""Goals: the answers to "what matters most?", each with the stages that serve it and the reason for each; see ``goals.yaml``."""

from functools import cache
from pathlib import Path
from typing import Any

from kdui.catalogue.yaml_text import read_file, read_yaml
from kdui.core.errors import UnknownName
from kdui.core.plain import Frozen

FILE = Path(__file__).parent / "goals.yaml"
NONE = "none"  # among the reasons: why nothing is compressed


class Goal(Frozen):
    """One goal. Stages are written as in a recipe: a method's name, or a method with its settings."""

    name: str
    title: str
    sentence: str
    own: bool = False  # the teacher is a model of the person's own
    recipes: tuple[str, ...] = ()  # built-in ones that serve this goal as they are, where the task has one
    teacher: dict[str, Any] = {}  # settings that the teacher's training takes besides its own
    student: dict[str, dict[str, Any]] = {}  # in place of the task's usual way to train the student
    compressions: tuple[tuple[Any, ...], ...]  # chains to try in this order
    reasons: dict[str, str] = {}


@cache
def goals() -> dict[str, Goal]:
    """Name -> goal, in the order in which they are offered."""
    found = [Goal.model_validate(each) for each in read_yaml(read_file(FILE), FILE.name).data]
    return {goal.name: goal for goal in found}


def goal(name: str) -> Goal:
    """Raises UnknownName with the nearest."""
    if name not in goals():
        raise UnknownName("goal", name[:60], goals())
    return goals()[name]
