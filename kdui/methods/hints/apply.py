"""Hints: soft targets, and inner values through projectors that are thrown away after the training."""

from typing import Any

import torch
from torch import nn

from kdui.methods.distill.losses import distillation_loss, soft_target_loss
from kdui.methods.hints.losses import Projector, hint_loss
from kdui.objectives import objective_of
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses, LossFunction
from kdui.training.matching import MatchedFeatures
from kdui.training.saved import SavedModel
from kdui.training.student import train_matching_student
from kdui.training.teachers import teacher_of


def hint(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · mean squared error of projected inner values."""
    teacher, settings, objective = teacher_of(context), context.settings, objective_of(context.facts)

    def losses(student: SavedModel, matched: MatchedFeatures) -> tuple[LossFunction, nn.Module]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings["seed"])
            projectors = nn.ModuleList(Projector(ours, theirs) for ours, theirs in matched.shapes())

        def total(outputs: torch.Tensor, batch: Batch) -> Losses:
            soft = soft_target_loss(outputs, teacher(batch), settings["temperature"])
            hard = objective.hard_loss(outputs, batch.targets)
            pairs = zip(projectors, matched(batch), strict=True)
            match = torch.stack([hint_loss(projector(pair.student), pair.teacher, pair.mask) for projector, pair in pairs]).mean()
            whole = distillation_loss(soft, hard, settings["soft_weight"]) + settings["match_weight"] * match
            return {"total": whole, "soft": soft, "hard": hard, "match": match}

        return total, projectors

    return train_matching_student(context, losses)
