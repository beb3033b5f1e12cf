"""The examples of one part of a combined task, with the labels of the whole."""

from dataclasses import replace

import numpy as np

from kdui.core.contracts import Split
from kdui.problems.several.problem import Several
from kdui.training.context import StepContext, TaskData


def places_of(context: StepContext, part: str, split: Split, limit: int = 0) -> np.ndarray:
    """Indices of the part's examples among the first ``limit`` (0: all) of a split."""
    targets = context.data.targets(split)
    own = Several(context.facts).part_of_label[targets[:limit] if limit else targets]
    return np.flatnonzero(own == context.facts.parts.index(part))


def only_part(context: StepContext, part: str) -> StepContext:
    """The same step with the part's examples alone; a limit on the training examples counts those of all parts."""
    limits: dict[Split, int] = {"train": context.settings.get("train_examples", 0), "validation": 0, "test": 0}
    splits = {split: context.data.splits[split].take(places_of(context, part, split, limit)) for split, limit in limits.items()}
    return replace(context, data=TaskData(context.facts, splits))
