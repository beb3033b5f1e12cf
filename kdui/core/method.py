"""Method: what can be done to a model.

All that is particular to one method stands in its folder, ``kdui/methods/GROUP/NAME/``; what is outside reads it from the
registry by the facts below and names no method:

- ``spec.py``: the form, the plan and METHOD with the facts below
- ``apply.py``: one function for each operation that its steps name; the only file that may import a machine-learning library
- ``estimate.py``, where it changes what is estimated before a run, with any of

  - ``counted(counts, settings) -> Counts``: what it leaves of a model's size (see ``core.counts``)
  - ``warnings(settings, recipe) -> list[str]``: what a person should know before starting
  - ``seconds(step, forward) -> float``: of a step that neither trains nor answers examples once; ``forward(n)`` are the seconds
    of a forward pass over n examples
"""

from collections.abc import Callable
from enum import IntEnum, StrEnum, auto
from typing import Any

from pydantic import Field

from kdui.core.contracts import Need, StageSpec, Transfer
from kdui.core.plain import Frozen
from kdui.core.plan import ModelFacts, PlanBuilder


class Group(StrEnum):
    """What a method is for: the folder that it stands in, and the step of Build that shows it."""

    TEACH = "teach"
    DISTILL = "distill"
    COMPRESS = "compress"
    DELIVER = "deliver"


class Place(IntEnum):
    """Where a stage stands in a recipe: its stages follow this order, those of one place in any order.

    A new method takes the place that says what it does; a new place is a line of its own, between those it lies between.
    """

    BEFORE_TEACHER = auto()  # the teacher's weights are prepared without labels
    TEACHER = auto()  # the teacher learns the task
    BETWEEN = auto()  # a further model learns from the teacher, and teaches in its place
    STUDENT = auto()  # the student learns; a recipe has one such stage
    STRUCTURES = auto()  # whole channels, heads or layers are removed
    RANKS = auto()  # layers become products of smaller ones
    ZEROS = auto()  # single weights are removed
    LOW_BITS = auto()  # weights are trained on a grid of few bits
    SHARED_VALUES = auto()  # the weights of a layer share few values
    ROUNDED = auto()  # a trained model is rounded
    PACKED = auto()  # the file is encoded without loss, into a form of its own
    EXPORTED = auto()  # each model becomes a graph
    DELIVERED = auto()  # a model is written in the formats of other programs
    PROBED = auto()  # a graph is changed on trial, to see what that costs
    MEASURED = auto()  # each graph is tested and timed


class Method(Frozen):
    """What can be done to a model: its form, and how it grows the plan of a run.

    ``plan(builder, stage_name, spec)`` adds the steps that the method needs.
    """

    name: str
    title: str
    group: Group
    transfers: Transfer | None = Field(default=None, description="of a distillation: what goes from teacher to student")
    flow: str = Field(
        default="", description="what travels from teacher to student in its diagram, in a few words; empty: its kind's"
    )
    picture: str = Field(default="", description="the diagram that shows it (see ``ui.diagrams``); empty: that of its kind")
    modality: str = Field(default="", description="the only kind of task that it is for; empty: any")
    needs: frozenset[Need] = Field(default=frozenset(), description="what it reads of a task's outputs and targets")
    source: str = Field(default="", description="the paper that it comes from, with section or equation")
    summary: str
    version: int
    order: Place
    plain: bool = Field(
        default=False,
        description="stands for all methods of its place: in the recipe that a task without one of its own begins with, and in "
        "sentences; one a place at the most",
    )
    answers: bool = Field(default=True, description="whether the model that it makes does the task")
    seconds: float = Field(default=5.0, description="of a step that trains nothing, until one has been timed")
    spec: type[StageSpec]
    plan: Callable[[PlanBuilder, str, Any], None]
    take: Callable[[PlanBuilder], None] | None = Field(
        default=None, description="puts a teacher into the plan that is used as it is, where no stage of this method trains it"
    )
    trains: Callable[[PlanBuilder, Any], ModelFacts] | None = Field(
        default=None, description="the model that a stage trains, where that is neither the recipe's teacher nor its student"
    )

    def trained(self, builder: PlanBuilder, spec: Any) -> ModelFacts | None:
        """The model that a stage trains or changes; raises RecipeError in words where it cannot be looked up."""
        if self.trains is not None:
            return self.trains(builder, spec)
        return builder.teacher_facts if self.group is Group.TEACH else builder.student_facts
