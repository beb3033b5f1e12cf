"""Kinds of measurement as a registry: a module of ``measure/kinds`` that defines KIND is part of every Measure that wants it."""

from collections.abc import Callable
from dataclasses import dataclass

from kdui.core.artifact import Artifact
from kdui.core.measurement import Measurement
from kdui.core.registry import Registry
from kdui.training.context import StepContext


def _always(context: StepContext) -> bool:
    return True


@dataclass(frozen=True)
class Measuring:
    """One kind: ``measure`` gives its numbers, and may put files beside them into the step's folder."""

    name: str
    order: int  # in which they are made and written down
    measure: Callable[[StepContext, Artifact], list[Measurement]]
    wanted: Callable[[StepContext], bool] = _always  # by the step's settings and what the task's problem gives


KINDS: Registry[Measuring] = Registry("kdui.methods.deliver.measure.kinds", "kind of measurement", "KIND", file="")


def wanted_kinds(context: StepContext) -> list[Measuring]:
    """Those that this step wants, in their order."""
    return [kind for kind in sorted(KINDS.values(), key=lambda kind: kind.order) if kind.wanted(context)]
