"""Mutual learning: all students in one loop; the first is the result, its peers are companions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.mutual.losses import mutual_loss
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.fit import resident
from kdui.training.initial_weights import start_model
from kdui.training.loop import Batch, Losses
from kdui.training.saved import SavedModel
from kdui.training.student import train_student

Reads = Callable[[Batch], dict[str, torch.Tensor]]


def mutual(context: StepContext) -> dict[str, Any]:
    """Train each student on hard + weight · mean divergence from its peers; all are updated in the same step."""
    settings, problem = context.settings, problem_of(context.facts)
    with TemporaryDirectory() as scratch:
        peers = [start_peer(context, number, Path(scratch)) for number in range(1, settings["peers"])]
        reads = [inputs_of(context, peer) for peer in peers]
    modules = nn.ModuleList(peer.module for peer in peers)

    def losses(outputs: Any, batch: Batch) -> Losses:
        computed = (problem.compute(module, read(batch)) for module, read in zip(modules, reads, strict=True))
        answers = [problem.rows(each, batch.targets) for each in (outputs, *computed)]

        def of_rows(rows: RowBatch, *peers: torch.Tensor) -> RowLosses:
            hard = cross_entropy(rows.logits, rows.target, rows.weight)
            return {"hard": hard, "match": mutual_loss(rows.logits, peers, rows.weight)}

        terms = [answer.mean(of_rows, *(other for other in answers if other is not answer)) for answer in answers]
        hard, match = [each["hard"] for each in terms], [each["match"] for each in terms]
        each = [one + settings["mutual_weight"] * other for one, other in zip(hard, match, strict=True)]
        return {
            "total": torch.stack(each).sum(),
            "hard": hard[0],
            "mutual": match[0],
            "peers": torch.stack(each[1:]).mean(),
        }

    return train_student(context, lambda student: losses, companion=modules)


def start_peer(context: StepContext, number: int, scratch: Path) -> SavedModel:
    """A peer with initial weights from a seed of its own; its files go into a scratch folder, not into the artifact."""
    folder = scratch / str(number)
    folder.mkdir()
    step = context.step.model_copy(update={"model": context.settings["peer"]["ref"]})
    return start_model(replace(context, step=step, out=folder), seed=context.settings["seed"] + 1000 * number)


def inputs_of(context: StepContext, peer: SavedModel) -> Reads:
    """What a peer reads of a batch: the first student's inputs where it is the same model, else its own of the same examples."""
    if context.settings["peer"]["ref"] == context.step.model:
        return lambda batch: batch.inputs
    data = resident(context, "train", peer.inputs, peer.folder, context.settings["train_examples"])
    return lambda batch: data.inputs(batch.index, batch.view if context.settings["augment"] else None)
