"""Prune: remove weights by a criterion and a schedule, then fine-tune with the teacher while they stay zero."""

from collections.abc import Mapping
from typing import Any

import torch

from kdui.methods.compress.fine_tuning import fine_tune, recovery_losses
from kdui.methods.compress.prune.compensated import compensated_masks, padded_inputs, two_of_four_masks
from kdui.methods.compress.prune.packing import packed_zeros
from kdui.methods.compress.prune.spec import HALVED
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input
from kdui.training.masks import Groups, magnitude_masks, masks_by_score, random_masks
from kdui.training.pruning import Cut, Pruning, RunningScores, Weights, cubic_schedule, stepped_schedule
from kdui.training.pruning_scores import (
    Scores,
    calibration_batches,
    magnitude_scores,
    random_scores,
    taylor_scores,
    wanda_scores,
)
from kdui.training.saved import SavedModel
from kdui.training.weights import prunable_weights

EVERY = 20  # updates between two cuts of the cubic schedule
JUST_AFTER = 1e-6  # share of a training: an epoch that ends where the last cut is due ends before it


def prune(context: StepContext) -> dict[str, Any]:
    """The pruned and recovered model. ``nonzero`` in its summary counts what is left, ``sparsity`` is the share of zeros."""
    saved = load_input(context, "model")
    summary = fine_tune(context, saved, compression=pruning_of(context, saved))
    zeros = {name: int((weight == 0).sum()) for name, weight in prunable_weights(saved.module).items()}
    sizes = {name: weight.numel() for name, weight in prunable_weights(saved.module).items()}
    if empty := [name for name, count in zeros.items() if count == sizes[name]]:
        context.report.log(
            f"All weights of {', '.join(empty)} are removed, so no signal passes. Set 'scope: layer', or a lower sparsity."
        )
    sparsity = round(sum(zeros.values()) / sum(sizes.values()), 6)
    return {**summary, "sparsity": sparsity, **packed_zeros(saved.module, context.out)}


def pruning_of(context: StepContext, saved: SavedModel) -> Pruning:
    """The criterion and the schedule of the step's settings."""
    settings = context.settings
    sparsity, groups = settings["sparsity"], settings.get("scope", "global")
    if settings.get("prune_schedule") == "cubic":
        settled = settings["settled_at"]
        running = RunningScores(settings["kind"] == "movement") if settings["kind"] in ("movement", "taylor") else None
        cut = _cut(context, saved) if running is None else _by(running, groups)
        return Pruning(cut, cubic_schedule(sparsity, settled), settled + JUST_AFTER, EVERY, running)
    rounds = settings.get("rounds", 1)
    settled = (rounds - 1) / rounds + JUST_AFTER if rounds > 1 else 0.0
    return Pruning(_cut(context, saved), stepped_schedule(sparsity, rounds), settled)


def _by(running: RunningScores, groups: Groups) -> Cut:
    return lambda weights, sparsity: running.masks(weights, sparsity, groups)


def _cut(context: StepContext, saved: SavedModel) -> Cut:
    """From weights and a sparsity to masks, by the step's criterion."""
    settings = context.settings
    kind, groups, seed = settings["kind"], settings.get("scope", "global"), settings["seed"]
    together = groups == "global"
    if kind == "magnitude":
        return lambda weights, sparsity: (
            magnitude_masks(weights, sparsity)
            if together
            else masks_by_score(magnitude_scores(weights, together), sparsity, groups)
        )
    if kind == "random":
        return lambda weights, sparsity: (
            random_masks(weights, sparsity, seed) if together else masks_by_score(random_scores(weights, seed), sparsity, groups)
        )
    if kind == "2:4":
        return lambda weights, sparsity: two_of_four_masks(context, saved, weights)
    if kind == "wanda-2:4":
        return lambda weights, sparsity: two_of_four_masks(context, saved, _wanda(context, saved)[0])
    if kind in ("sparsegpt", "sparsegpt-2:4"):
        return lambda weights, sparsity: compensated_masks(context, saved, weights, sparsity, kind in HALVED)
    return _calibrated(context, saved)


def _calibrated(context: StepContext, saved: SavedModel) -> Cut:
    """Taylor and Wanda: scores from a pass over calibration examples."""
    settings = context.settings

    def cut(weights: Weights, sparsity: float) -> Mapping[str, torch.Tensor]:
        if settings["kind"] == "taylor":
            module = saved.module.to(context.device)
            batches = calibration_batches(context, saved, settings["calibration_examples"])
            scores = taylor_scores(module, batches, recovery_losses(context), problem_of(context.facts).compute)
            return masks_by_score(scores, sparsity, settings.get("scope", "global"))
        scores, fallen = _wanda(context, saved)
        if fallen:
            context.report.log(
                f"Wanda has no inputs for {', '.join(fallen)} (embeddings, recurrent layers, heads of vocabularies): "
                "their smallest weights are removed."
            )
        calibrated = {name: score for name, score in scores.items() if name not in fallen}
        by_size = {name: scores[name] for name in fallen}
        return {**masks_by_score(calibrated, sparsity, "row"), **masks_by_score(by_size, sparsity, "layer")}

    return cut


def _wanda(context: StepContext, saved: SavedModel) -> tuple[Scores, list[str]]:
    """Scores of all weights, and which have no inputs; where tokens are predicted, padding is no input."""
    batches = calibration_batches(context, saved, context.settings["calibration_examples"])
    return wanda_scores(saved.module.to(context.device), batches, problem_of(context.facts).compute, padded_inputs(context))
