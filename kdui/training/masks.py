"""Which weights go: pure functions from weights or scores to masks."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch.nn import functional

from kdui.training.weights import relative_weights

Groups = Literal["global", "layer", "row"]


def masks_by_score(scores: Mapping[str, torch.Tensor], sparsity: float, groups: Groups = "global") -> dict[str, torch.Tensor]:
    """Keep the weights of the highest scores; ``sparsity`` is the share that goes, in [0, 1], ties by position.

    ``global`` ranks all tensors together, so exactly ``round(sparsity · total)`` go; ``layer`` ranks each tensor alone, ``row``
    each output's weights alone, with the same rounding there.
    """
    if groups == "global":
        flat = torch.cat([score.flatten() for score in scores.values()])
        return _split(_largest(flat.unsqueeze(0), sparsity).flatten(), scores)
    rows = {name: score.flatten(1) if groups == "row" else score.reshape(1, -1) for name, score in scores.items()}
    return {name: _largest(values, sparsity).view(scores[name].shape) for name, values in rows.items()}


def magnitude_masks(weights: Mapping[str, torch.Tensor], sparsity: float) -> dict[str, torch.Tensor]:
    """Keep the weights that are largest against the root mean square of their own tensor, ranked over all tensors together.

    So one quality parameter times each layer's spread is its threshold (Han et al. 2015, section 3.1).
    """
    return masks_by_score({name: weight.abs() for name, weight in relative_weights(weights).items()}, sparsity)


def random_masks(weights: Mapping[str, torch.Tensor], sparsity: float, seed: int) -> dict[str, torch.Tensor]:
    """Keep random weights: the baseline that any criterion must beat."""
    total = sum(weight.numel() for weight in weights.values())
    keep = torch.ones(total, dtype=torch.bool)
    keep[torch.randperm(total, generator=torch.Generator().manual_seed(seed))[: round(sparsity * total)]] = False
    return _split(keep, weights)


def two_of_four_mask(weight: torch.Tensor) -> torch.Tensor:
    """Keep the two largest of every four weights along the input axis (Mishra et al. 2021, arXiv:2104.08378, section 3).

    ``weight`` is [out, in, ...]. Where the inputs are no multiple of four, what is missing of the last four counts as zeros.
    """
    inputs = weight.shape[1]
    sizes = weight.detach().abs().float().cpu().movedim(1, -1)
    padded = functional.pad(sizes, (0, -inputs % 4), value=-1.0)
    fours = padded.reshape(-1, 4)
    keep = torch.zeros_like(fours, dtype=torch.bool)
    keep.scatter_(1, torch.argsort(fours, dim=1, descending=True, stable=True)[:, :2], True)
    return keep.view(padded.shape)[..., :inputs].movedim(-1, 1).contiguous()


def apply_masks(weights: Mapping[str, torch.nn.Parameter], masks: Mapping[str, torch.Tensor]) -> None:
    """Set what the masks remove to zero, in place."""
    with torch.no_grad():
        for name, weight in weights.items():
            weight.masked_fill_(~masks[name].to(weight.device), 0.0)  # a product would leave negative zeros


def _largest(rows: torch.Tensor, sparsity: float) -> torch.Tensor:
    """True for all but the ``round(sparsity · columns)`` lowest of each row, [rows, columns]."""
    keep = torch.ones(rows.shape, dtype=torch.bool)
    removed = torch.argsort(rows.cpu(), dim=1, stable=True)[:, : round(sparsity * rows.shape[1])]
    return keep.scatter_(1, removed, False)


def _split(keep: torch.Tensor, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    parts = torch.split(keep, [weight.numel() for weight in weights.values()])
    return {name: part.view(weights[name].shape) for name, part in zip(weights, parts, strict=True)}
