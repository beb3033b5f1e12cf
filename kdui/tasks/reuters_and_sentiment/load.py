"""Puts the two tasks' examples together: labels one after the other, in one seeded order, so that any beginning is mixed."""

from collections.abc import Mapping

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, stratified_split
from kdui.tasks.reuters_and_sentiment.spec import REUTERS, TASK

_SEED = 2026


def combine(parts: Mapping[str, Mapping[Split, Examples]]) -> dict[Split, Examples]:
    """Each split of both tasks in one; of the training examples as many of each task as the smaller one has."""
    found: dict[Split, Examples] = {}
    for split in ("train", "validation", "test"):
        chosen = [parts[name][split] for name in TASK.parts]
        if split == "train":
            fewest = min(len(examples) for examples in chosen)
            chosen = [_drawn(examples, fewest) for examples in chosen]
        found[split] = _joined(chosen)
    return found


def _drawn(examples: Examples, count: int) -> Examples:
    """``count`` of the examples, every label by its share, always the same ones."""
    if len(examples) == count:
        return examples
    order = stratified_split(examples.targets, {"drawn": count / len(examples)}, rest="left", seed=_SEED)
    surplus = len(order["drawn"]) - count  # shares are rounded label by label
    taken = order["drawn"][:count] if surplus >= 0 else np.sort(np.concatenate([order["drawn"], order["left"][:-surplus]]))
    return examples.take(taken)


def _joined(chosen: list[Examples]) -> Examples:
    firsts = (0, REUTERS.outputs)
    texts = [text for examples in chosen for text in examples.inputs]
    targets = np.concatenate([examples.targets + first for examples, first in zip(chosen, firsts, strict=True)])
    return Examples(texts, targets).take(np.random.RandomState(_SEED).permutation(len(targets)))
