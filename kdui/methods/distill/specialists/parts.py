"""The examples of one part of a combined task, with the labels of the whole."""

from dataclasses import replace

import numpy as np

from kdui.core.contracts import Split, TaskFacts
from kdui.core.errors import StageFailed
from kdui.problems import problem_of
from kdui.training.context import StepContext, TaskData


def parts_of_labels(facts: TaskFacts) -> np.ndarray:
    """The number of the part that each of the task's labels [labels] belongs to."""
    parts = problem_of(facts).parts_of(np.arange(facts.outputs))
    if parts is None:
        raise StageFailed(f"{facts.title} does not consist of several tasks.")
    return parts


def places_of(context: StepContext, part: str, split: Split, limit: int = 0) -> np.ndarray:
    """Indices of the part's examples among the first ``limit`` (0: all) of a split."""
    targets = context.data.targets(split)
    own = parts_of_labels(context.facts)[targets[:limit] if limit else targets]
    return np.flatnonzero(own == context.facts.parts.index(part))


def only_part(context: StepContext, part: str) -> StepContext:
    """The same step with the part's examples alone; a limit on the training examples counts those of all parts."""
    limits: dict[Split, int] = {"train": context.settings.get("train_examples", 0), "validation": 0, "test": 0}
    splits = {split: context.data.splits[split].take(places_of(context, part, split, limit)) for split, limit in limits.items()}
    return replace(context, data=TaskData(context.facts, splits))
