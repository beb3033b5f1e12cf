"""Pruning by what layers are given: masks of two in four, and SparseGPT, which moves the weights that stay."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from kdui.catalogue.problems import PROBLEMS
from kdui.methods.compress.factorize.calibrating import WIDEST, input_rows
from kdui.methods.compress.prune.sparsegpt import sparsegpt
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.loop import Batch
from kdui.training.masks import masks_by_score, two_of_four_mask
from kdui.training.pruning import Weights
from kdui.training.pruning_scores import calibration_batches, magnitude_scores, multiplying_layers, watch_inputs
from kdui.training.saved import SavedModel
from kdui.training.weights import table_names


def padded_inputs(context: StepContext) -> bool:
    """Whether padding counts as an input of layers: not where tokens are predicted."""
    return "continuations" not in PROBLEMS[context.facts.problem].gives


def compensated_masks(
    context: StepContext, saved: SavedModel, weights: Weights, sparsity: float, two_of_four: bool
) -> dict[str, torch.Tensor]:
    """SparseGPT's masks; the weights that stay are moved in place.

    Linear layers and convolutions of one group are judged by their inputs in the model as it was, all layers at once. What is
    left (embeddings, recurrent layers, too wide ones) loses its smallest weights.
    """
    layers = {name: layer for name, layer in multiplying_layers(saved.module).items() if _is_judged(layer, two_of_four)}
    batches = calibration_batches(context, saved, context.settings["calibration_examples"])
    moments = _moments(context, saved, layers, batches)
    others = {name: weight for name, weight in weights.items() if name not in moments}
    if two_of_four:
        masks = dict(two_of_four_masks(context, saved, others))
    else:
        masks = masks_by_score(magnitude_scores(others, together=False), sparsity, "layer")
        if others:
            context.report.log(
                f"SparseGPT has no inputs for {', '.join(others)} (embeddings, recurrent layers, heads of vocabularies): their "
                "smallest weights are removed."
            )
    for name, moment in moments.items():
        context.report.check()
        masks[name] = _compensate(weights[name], moment, sparsity, two_of_four)
    return masks


def two_of_four_masks(context: StepContext, saved: SavedModel, weights: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """Two of every four inputs stay, by the size of the weights or of their scores."""
    tables = table_names(saved.module)
    masks = {
        name: torch.ones_like(weight, dtype=torch.bool) if name in tables else two_of_four_mask(weight)
        for name, weight in weights.items()
    }
    whole = [name for name, mask in masks.items() if bool(mask.all())]
    if whole:
        context.report.log(f"{', '.join(whole)} stay whole: embeddings, or layers of fewer than three inputs a channel.")
    return masks


def _is_judged(layer: Any, two_of_four: bool) -> bool:
    if isinstance(layer, nn.Conv2d) and (layer.groups > 1 or isinstance(layer.padding, str)):
        return False
    shape = layer.weight.shape
    return shape[1:].numel() <= WIDEST and not (two_of_four and shape[1] % 4)


def _moments(context: StepContext, saved: SavedModel, layers: Mapping[str, Any], batches: list[Batch]) -> dict[str, torch.Tensor]:
    """X Xᵀ [in, in] of each layer over the batches; of a convolution over its windows, laid out as its kernel is."""
    moments: dict[str, torch.Tensor] = {}

    def add(name: str, inputs: torch.Tensor) -> None:
        rows = input_rows(layers[name], inputs)
        moments[name] = moments.get(name, torch.zeros((), device=rows.device)) + rows.T @ rows

    module = saved.module.to(context.device)
    watch_inputs(module, layers, batches, add, problem_of(context.facts).compute, padded_inputs(context))
    return moments


def _compensate(weight: nn.Parameter, moment: torch.Tensor, sparsity: float, two_of_four: bool) -> torch.Tensor:
    """Prune and move one weight in place; its mask. Inputs of a kernel's place lie side by side, as 2:4 wants them."""
    order = torch.arange(weight[0].numel()).view(weight.shape[1:]).movedim(0, -1).flatten()
    matrix = weight.detach().float().cpu().flatten(1)[:, order]
    hessian = moment.cpu()[order][:, order]
    pruned, keep = sparsegpt(matrix.numpy(), hessian.numpy(), sparsity, two_of_four)
    back = torch.argsort(order)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(pruned)[:, back].view(weight.shape))
    return torch.from_numpy(keep)[:, back].view(weight.shape)
