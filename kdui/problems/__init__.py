"""What to learn and how to judge it: one folder each, named by a task's ``problem``."""

import importlib
from typing import cast

from kdui.core.contracts import TaskFacts
from kdui.core.problem import Problem


def problem_of(facts: TaskFacts) -> Problem:
    """The problem of a task: ``kdui/problems/NAME/problem.py`` defines PROBLEM, or ``of(facts)`` where it depends on the task."""
    module = importlib.import_module(f"kdui.problems.{facts.problem.replace('-', '_')}.problem")
    return cast(Problem, module.of(facts) if hasattr(module, "of") else module.PROBLEM)
