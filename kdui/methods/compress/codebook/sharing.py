"""Weights that share values while they learn: the gradients of all weights of a cluster move its one value."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from kdui.methods.compress.codebook.levels import Shared
from kdui.training.weights import prunable_weights

Sharing = Callable[[np.ndarray], Shared]


def centroid_gradients(gradient: torch.Tensor, codes: torch.Tensor, count: int) -> torch.Tensor:
    """Σ of the gradients of all weights with each code, [count] (Han et al. 2016, arXiv:1510.00149, section 3.3, equation 3)."""
    sums = torch.zeros(count, dtype=gradient.dtype, device=gradient.device)
    return sums.index_add_(0, codes, gradient.flatten())


class SharedWeights:
    """A compression: every matrix and kernel gets its codebook at the beginning, and keeps each weight's code to the end.

    ``moving`` levels (k-means) are fine-tuned; others stay where they are. A centroid moves by the sum of its weights' gradients
    divided by their number: AdamW does not see that factor, and SGD would not stand the sum of a whole layer. Zero never moves.
    Codes depend on the starting weights alone, so a resumed training finds the same ones.
    """

    settled_at = 0.0

    def __init__(self, share: Sharing, moving: bool):
        self._share, self._moving = share, moving
        self.shared: dict[str, Shared] = {}
        self._tables: dict[str, _Table] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def begin(self, module: nn.Module) -> None:
        self._weights = prunable_weights(module)
        for name, weight in self._weights.items():
            shared = self._share(weight.detach().float().cpu().numpy())
            self.shared[name] = shared
            values = torch.from_numpy(shared.values).view(weight.shape)
            with torch.no_grad():
                weight.copy_(values)
            self._tables[name] = _Table(shared, None if self._moving else values)
            self._hooks.append(weight.register_hook(self._tables[name].spread))  # type: ignore[no-untyped-call]

    def after_step(self, progress: float) -> None:
        """Take away what weight decay and rounding did to single weights."""
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(self._tables[name].settled(weight))

    def finish(self) -> None:
        """Read the moved levels off the kept weights."""
        for hook in self._hooks:
            hook.remove()
        if self._moving:
            for name, weight in self._weights.items():
                shared = self.shared[name]
                flat = weight.detach().float().cpu().contiguous().flatten().numpy()
                places = self._tables[name].first.cpu().numpy()
                levels = np.where(places >= 0, flat[np.maximum(places, 0)], shared.levels) if len(flat) else shared.levels
                self.shared[name] = Shared(levels.astype(np.float32), shared.codes, exact=shared.exact)
        self._hooks, self._tables = [], {}


class _Table:
    """One tensor's codes on its device, and where in the tensor each code stands first."""

    def __init__(self, shared: Shared, fixed: torch.Tensor | None):
        self.codes, self.count = torch.from_numpy(shared.codes).int(), len(shared.levels)
        self.fixed, self.zero = fixed, shared.zero
        first = np.full(self.count, -1, np.int64)
        present, places = np.unique(shared.codes, return_index=True)
        first[present] = places
        self.first = torch.from_numpy(first)
        self.sizes = torch.from_numpy(np.bincount(shared.codes, minlength=self.count)).clamp(min=1)

    def spread(self, gradient: torch.Tensor) -> torch.Tensor:
        """Each weight's gradient replaced by that of its centroid, so that all of them take the same step."""
        if self.fixed is not None:
            return torch.zeros_like(gradient)
        self._follow(gradient)
        moved = centroid_gradients(gradient, self.codes, self.count) / self.sizes.to(gradient.dtype)
        if self.zero is not None:
            moved[self.zero] = 0
        return moved.index_select(0, self.codes).view(gradient.shape)

    def settled(self, weight: torch.Tensor) -> torch.Tensor:
        """All weights of a code as its first one is."""
        if self.fixed is not None:
            return self.fixed.to(weight.device)
        self._follow(weight)
        levels = weight.flatten()[self.first.clamp(min=0)]
        return levels.index_select(0, self.codes).view(weight.shape)

    def _follow(self, tensor: torch.Tensor) -> None:
        if self.codes.device != tensor.device:
            self.codes, self.sizes, self.first = (each.to(tensor.device) for each in (self.codes, self.sizes, self.first))
