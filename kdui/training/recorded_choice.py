"""Choices made by timing, kept in the store: a step that is computed again chooses as before and gives the same bytes.

A step's digest names all that decides its result, but not a stopwatch: two candidates that are equally fast would win in turn,
and one digest would stand for two contents. So what was timed is an artifact of its own, named by the step that needs it (its
settings hold the processor) and by what is chosen. The first computation makes it; every later one, also after the step's own
artifact was deleted, reads it. The digests of steps stay as they are.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kdui.core.plain import digest
from kdui.machine import cpu_name
from kdui.store.artifacts import ArtifactStore
from kdui.training.context import StepContext

OPERATION = "timed choice"


def choice_digest(context: StepContext, what: str) -> str:
    """The name of a step's choice in the store."""
    return digest({"choice": what, "step": context.step.digest})


def recorded_choice(context: StepContext, what: str, choose: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """The choice with its readings, and whether it had been made before; ``choose`` makes it where nobody has."""
    artifacts, name = ArtifactStore(context.app_settings), choice_digest(context, what)
    with artifacts.locked(name):
        if artifacts.has(name):
            artifacts.touch(name)
            return artifacts.manifest(name).summary, True
        choice = choose()
        with artifacts.draft(name) as draft:
            artifacts.commit(
                draft,
                {
                    "digest": name,
                    "produces": "report",
                    "method": context.step.method,
                    "operation": OPERATION,
                    "settings": {"choice": what, **context.step.settings},
                    "inputs": {role: artifact.digest for role, artifact in context.inputs.items()},
                    "summary": choice,
                    "seconds": 0.0,
                    "device": cpu_name(),
                    "created": datetime.now(UTC),
                },
            )
    return choice, False
