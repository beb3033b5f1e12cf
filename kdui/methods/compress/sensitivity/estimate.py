"""Sensitivity: what is estimated before a run."""

from collections.abc import Callable

from kdui.core.plan import Step

CHANGES = 150  # a dozen a layer


def seconds(step: Step, forward: Callable[[float], float]) -> float:
    """Every change is measured on all of its examples."""
    return CHANGES * forward(step.settings["examples"])
