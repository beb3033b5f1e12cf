"""What to learn and how to score it: one module each, named by a task's ``objective``."""

import importlib
from typing import cast

from kdui.core.contracts import Objective, TaskFacts


def objective_of(facts: TaskFacts) -> Objective:
    """The objective of a task: ``kdui/objectives/NAME.py`` defines OBJECTIVE, or ``of(facts)`` where it depends on the task."""
    module = importlib.import_module(f"kdui.objectives.{facts.objective.replace('-', '_')}")
    return cast(Objective, module.of(facts) if hasattr(module, "of") else module.OBJECTIVE)
