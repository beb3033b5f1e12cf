"""Whether a model that was trained elsewhere predicts a task's validation examples as well as one that learned it.

Outputs in another order of the labels, or pixels on another scale than the model's own, give numbers without an error: here they
are found by trying what is usual, and named as the option that sets them right. Test data are never looked at.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kdui.core.contracts import TaskFacts
from kdui.core.errors import StageFailed
from kdui.core.plan import ModelFacts
from kdui.core.problem import Problem
from kdui.core.recipe import ModelRef
from kdui.core.statistics.intervals import wilson
from kdui.problems import problem_of
from kdui.problems.softmax import log_softmax

SURE = 4.0  # standard errors of a paired difference: none of the dozen other readings that are tried is so much better by chance
LEAST_GAIN = 0.02  # of the examples
TRIED = 1000  # examples on which other scales are tried

NEAR_CHANCE = 1.0  # nats: a model that is right more often than not and still loses so much is close to chance

Options = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """One way to give examples and to read outputs: its options, which predictions are right, and the losses in nats."""

    right: np.ndarray
    losses: np.ndarray
    options: Options = field(default_factory=dict)


def require_plausible(
    model: ModelFacts,
    task: TaskFacts,
    outputs: np.ndarray,
    targets: np.ndarray,
    scales: "Scales | None" = None,
    order: Sequence[int] = (),
    examples: str = "validation examples",
) -> float:
    """The share of these ``examples`` that the model gets right, from its ``outputs`` [n, labels] and their ``targets`` [n].

    ``scales`` gives outputs with pixels on other scales, where the examples are images; ``order`` gives for each label its
    place among the model's own outputs, where that is another one. Raises StageFailed in words where the outputs are no
    numbers, fit far better in another order of the labels or on another scale, or are no better than chance.
    """
    if not np.isfinite(outputs).all():
        raise StageFailed(f"{model.title} gives NaN or infinity on {examples} of {task.title}. Choose another model.")
    problem = problem_of(task)
    places = list(order) or list(range(task.outputs))
    index = np.linspace(0, len(targets) - 1, min(len(targets), TRIED) if scales else len(targets)).astype(np.int64)
    as_given, *tried = _readings(problem, task, outputs[index], targets[index], {}, places)
    if scales:
        for options in scales.usual:
            tried += _readings(problem, task, scales.outputs(options, index), targets[index], options, places)
    tried = [reading for reading in tried if above_chance(float(reading.right.mean()), targets[index], problem)]
    best = _best(as_given, tried, loss_counts="scale" not in model.ref.options)
    if best is not as_given:
        raise StageFailed(_misread(model, f"{examples} of {task.title}", as_given, best))
    right = problem.mask_to_task(outputs, targets).argmax(-1) == targets
    if not above_chance(float(right.mean()), targets, problem):
        raise StageFailed(
            f"{model.title} gets {_count(right)} {examples} of {task.title} right, and always giving the most frequent "
            f"label gets {100 * majority(targets, problem):.1f} %: that is no better than chance. Other orders of its outputs"
            f"{' and the usual scales of pixels' if scales else ''} were tried, and none fits. Choose a model that was trained "
            "for this task, or put a 'teach' stage before the others where it has weights."
        )
    return float(right.mean())


def above_chance(share: float, targets: np.ndarray, problem: Problem) -> bool:
    """Whether accuracy ``share`` is above that of the most frequent label, by its lower Wilson limit."""
    return wilson(share, len(targets))[0] > majority(targets, problem)


def majority(targets: np.ndarray, problem: Problem) -> float:
    """The share that always giving the most frequent label gets right; of several tasks at once, each its own."""
    counts = np.bincount(targets)
    by_label = problem.parts_of(np.arange(len(counts)))
    parts = np.zeros(len(counts), dtype=np.int64) if by_label is None else by_label
    return float(sum(counts[parts == part].max() for part in np.unique(parts)) / len(targets))


def best_order(predicted: np.ndarray, targets: np.ndarray, labels: int) -> np.ndarray:
    """For each output [labels] its most likely label, each once: the assignment with the most correct predictions."""
    from scipy.optimize import linear_sum_assignment  # half a second that only this needs

    confusion = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(confusion, (predicted, targets), 1)
    confusion = confusion * (labels + 1) + np.eye(labels, dtype=np.int64)  # what cannot be told apart stays where it is
    meant: np.ndarray = linear_sum_assignment(confusion, maximize=True)[1]
    return meant


@dataclass(frozen=True)
class Scales:
    """The scales that a model may have been trained on: their options, and the outputs of some examples [k] under such
    options."""

    usual: Sequence[Options]
    outputs: Callable[[Options, np.ndarray], np.ndarray]


def usual_scales(pixels: np.ndarray) -> list[Options]:
    """The options of the scales that models are usually trained on, for pixels [n, channels, h, w] between 0 and 1."""
    own = {"mean": pixels.mean((0, 2, 3)), "std": pixels.std((0, 2, 3))}
    colour = pixels.shape[1] == 3
    return [
        {"scale": 1},
        {"scale": 255},
        {"mean": "0.5", "std": "0.5"},
        {"mean": "0.485,0.456,0.406" if colour else "0.449", "std": "0.229,0.224,0.225" if colour else "0.226"},
        {name: ",".join(f"{value:.4g}" for value in values) for name, values in own.items()},
        {"scale": 16},
        {"scale": -1, "mean": -1},  # dark on bright paper
        {"scale": -255, "mean": -255},
    ]


def _readings(
    problem: Problem, task: TaskFacts, outputs: np.ndarray, targets: np.ndarray, options: Options, places: list[int]
) -> Iterator[Reading]:
    """The outputs as they stand, and in the order of labels that fits best."""
    log_p = log_softmax(problem.mask_to_task(outputs, targets))
    rows, predicted = np.arange(len(targets)), log_p.argmax(-1)
    yield Reading(predicted == targets, -log_p[rows, targets], options)
    meant = best_order(predicted, targets, task.outputs)
    by_place = dict(zip(places, meant, strict=True))
    named = ",".join(task.answer.truth(by_place[place]) for place in sorted(by_place))
    right, even = np.zeros(len(targets), dtype=bool), np.arange(len(targets)) % 2 == 0
    for half in (even, ~even):  # judged on the other half: among this many orders one fits any guesses by chance
        right[~half] = best_order(predicted[half], targets[half], task.outputs)[predicted[~half]] == targets[~half]
    yield Reading(right, -log_p[rows, np.argsort(meant)[targets]], {**options, "labels": named})


def _best(as_given: Reading, others: Sequence[Reading], loss_counts: bool) -> Reading:
    """The given reading, unless others fit far better.

    Then, of those with the most correct predictions or nearly so, the one that changes least (another scale, order, or both) and
    of these the one that loses least.
    """
    better = [reading for reading in others if _far_better(as_given, reading, loss_counts and "labels" not in reading.options)]
    if not better:
        return as_given
    most = max(int(reading.right.sum()) for reading in better)
    close = [reading for reading in better if reading.right.sum() >= most - LEAST_GAIN * len(as_given.right)]
    kinds = [
        [reading for reading in close if "labels" not in reading.options],
        [reading for reading in close if reading.options.keys() == {"labels"}],
        close,
    ]
    return min(next(kind for kind in kinds if kind), key=lambda reading: float(reading.losses.mean()))


def _far_better(old: Reading, new: Reading, loss_counts: bool) -> bool:
    """More correct predictions than chance gives, or as many with much higher confidence, where the old ones are hardly better
    than chance."""
    gained, differing = int(new.right.sum()) - int(old.right.sum()), int((new.right != old.right).sum())
    if gained > 0 and gained >= LEAST_GAIN * len(old.right) and gained >= SURE * math.sqrt(differing):
        return True
    unsure = float(old.losses.mean()) > NEAR_CHANCE and float(old.right.mean()) > 0.5
    return loss_counts and unsure and gained >= 0 and float(new.losses.mean()) < 0.5 * float(old.losses.mean())


def _misread(model: ModelFacts, examples: str, as_given: Reading, best: Reading) -> str:
    kept = model.ref.options if best.options.keys() <= {"labels"} else _without_scale(model.ref.options)
    ref = ModelRef(kind=model.ref.kind, name=model.ref.name, options={**kept, **best.options})
    what = " and ".join(
        phrase
        for phrase, names in (
            ("with its outputs in another order of the labels", ("labels",)),
            ("with the pixels on another scale", ("scale", "mean", "std")),
        )
        if any(name in best.options for name in names)
    )
    way = f"Write '{ref}'" if model.ref.kind in ("onnx", "csv", "folder", "hub") else "Make it anew from a teacher in this order"
    sentence = (
        f"{model.title} gets {_count(as_given.right)} {examples} right, but {_count(best.right)} {what}"
        if best.right.sum() > as_given.right.sum()
        else f"{model.title} is close to chance on {examples}, but confident and correct {what}"
    )
    return f"{sentence}. {way}, or choose another model."


def _without_scale(options: Options) -> Options:
    return {name: value for name, value in options.items() if name not in ("scale", "mean", "std")}


def _count(right: np.ndarray) -> str:
    return f"{int(right.sum()):,} of {len(right):,}"
