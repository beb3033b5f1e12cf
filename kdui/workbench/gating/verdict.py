"""What a program is told: the verdict with its exit code, the aims, and a reason for each."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import Field

from kdui.core.errors import KduiError
from kdui.core.plain import Frozen

EXAMPLES = {"retain": 99, "faster": 1.5, "smaller": 10}


class Verdict(StrEnum):
    """What a program is told, with its exit code; 2 is kept for a wrong call."""

    ACCEPT = "ACCEPT"
    REGRESSION = "REGRESSION"
    ANOMALOUS = "ANOMALOUS"
    INFEASIBLE = "INFEASIBLE"

    @property
    def code(self) -> int:
        return {"ACCEPT": 0, "REGRESSION": 1, "ANOMALOUS": 3, "INFEASIBLE": 4}[self.value]


class Aims(Frozen):
    """What the model must reach at least; None asks nothing."""

    retain: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="% of the teacher's headline")
    faster: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="× its latency, timed alternately")
    smaller: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="× its stored file")

    @property
    def given(self) -> dict[str, float]:
        """The aims that were asked for."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class Figure(Frozen):
    """What was measured for one aim: value with its interval in %, or × against the teacher; ``low`` is what is sure."""

    value: float
    low: float
    high: float
    unit: str
    over: str = Field(description="what the interval is over")
    noisy: str = Field(default="", description="why it cannot be leaned on, empty where it can")


class Reason(Frozen):
    """One sentence behind the verdict, with its figure and aim where it has them."""

    aim: str
    words: str
    bound: float | None = None
    figure: Figure | None = None
    met: bool | None = None


class Judgement(Frozen):
    """The verdict over one model of a run."""

    verdict: Verdict
    run: str
    model: str
    step: str
    aims: Aims
    reasons: tuple[Reason, ...]

    def row(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**self.model_dump(mode="json"), "code": self.verdict.code}


def aims_of(**given: float | None) -> Aims:
    """The aims as a person gave them; raises KduiError where one is no number above zero."""
    for name, value in given.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise KduiError(f"--{name} {value:g} is no aim: give a number above zero, e.g. --{name} {EXAMPLES[name]}.")
    return Aims.model_validate(given)


def as_text(judgement: Judgement) -> Sequence[str]:
    """The judgement line by line for a terminal."""
    return [
        f"{judgement.verdict}  {judgement.model or judgement.run}  ({judgement.step.partition('.')[2] or 'run'})",
        *(f"  {reason.words}" for reason in judgement.reasons),
    ]
