"""Which weights go: pure functions from weights to masks."""

from collections.abc import Mapping

import torch

from kdui.training.weights import relative_weights


def magnitude_masks(weights: Mapping[str, torch.Tensor], sparsity: float) -> dict[str, torch.Tensor]:
    """Keep the weights that are largest against the root mean square of their own tensor, ranked over all tensors together.

    So one quality parameter times each layer's spread is its threshold (Han et al. 2015, section 3.1). ``sparsity`` is the share
    that goes, in [0, 1]; exactly ``round(sparsity · total)`` weights go, ties by position.
    """
    sizes = {name: weight.numel() for name, weight in weights.items()}
    flat = torch.cat([weight.abs().flatten() for weight in relative_weights(weights).values()])
    gone = round(sparsity * flat.numel())
    keep = torch.ones(flat.numel(), dtype=torch.bool)
    keep[torch.argsort(flat, stable=True)[:gone]] = False
    return _split(keep, weights, sizes)


def random_masks(weights: Mapping[str, torch.Tensor], sparsity: float, seed: int) -> dict[str, torch.Tensor]:
    """Keep weights by chance: the baseline that any criterion must beat."""
    sizes = {name: weight.numel() for name, weight in weights.items()}
    total = sum(sizes.values())
    keep = torch.ones(total, dtype=torch.bool)
    keep[torch.randperm(total, generator=torch.Generator().manual_seed(seed))[: round(sparsity * total)]] = False
    return _split(keep, weights, sizes)


def apply_masks(weights: Mapping[str, torch.nn.Parameter], masks: Mapping[str, torch.Tensor]) -> None:
    """Set what the masks remove to zero, in place."""
    with torch.no_grad():
        for name, weight in weights.items():
            weight.mul_(masks[name].to(weight.device, weight.dtype))


def _split(keep: torch.Tensor, weights: Mapping[str, torch.Tensor], sizes: dict[str, int]) -> dict[str, torch.Tensor]:
    parts = torch.split(keep, list(sizes.values()))
    return {name: part.view(weights[name].shape) for name, part in zip(sizes, parts, strict=True)}
