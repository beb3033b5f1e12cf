"""The best product of a given rank for a matrix, also against its own inputs; how large a rank each layer is given."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from kdui.core.errors import StageFailed

DAMPING = 1e-5  # of the mean second moment, added to its diagonal: directions that no calibration input has stay defined


@dataclass(frozen=True)
class Decomposition:
    """matrix = left @ right [rows, full] · [full, columns], sorted so that the first r of each make the best product of rank r.

    ``values`` are the singular values of the matrix, or of the whitened one.
    """

    left: torch.Tensor
    right: torch.Tensor
    values: torch.Tensor

    @property
    def size(self) -> int:
        """Weights of the matrix."""
        return len(self.left) * self.right.shape[1]

    @property
    def per_rank(self) -> int:
        """Weights that one rank costs."""
        return len(self.left) + self.right.shape[1]

    def pays(self, rank: int) -> bool:
        """Whether the product has fewer weights than the matrix."""
        return rank * self.per_rank < self.size

    def retained(self, rank: int) -> float:
        """Share of the squared singular values that this rank keeps."""
        energy = self.values.square()
        return float(energy[:rank].sum() / energy.sum()) if float(energy.sum()) else 1.0

    def truncated(self, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Both factors at this rank."""
        return self.left[:, :rank], self.right[:rank]


def decompose(matrix: torch.Tensor, moment: torch.Tensor | None = None) -> Decomposition:
    """The singular value decomposition of W [rows, columns], its values shared evenly between both factors.

    Cut at rank r it is the closest in the Frobenius norm, and the error is what the left out values hold (Eckart and Young 1936).
    With ``moment`` = E[x xᵀ] [columns, columns] of the inputs, W · L is decomposed for L Lᵀ = moment, and L⁻¹ goes to the right
    factor: then the outputs W x are closest instead (whitening, Wang et al. 2024, SVD-LLM, arXiv:2403.07378, section 3.1).
    """
    weight = matrix.detach().double().cpu()
    whitening = None if moment is None else _cholesky(moment)
    left, values, right = torch.linalg.svd(weight if whitening is None else weight @ whitening, full_matrices=False)
    # The sign of a pair is arbitrary: let its largest entry be positive, so that every machine finds the same factors.
    signs = torch.gather(left, 0, left.abs().argmax(0, keepdim=True)).sign()
    root = values.sqrt()
    left, right = left * signs * root, right * signs.T * root[:, None]
    if whitening is not None:
        right = torch.linalg.solve_triangular(whitening.T, right.T, upper=True).T
    return Decomposition(left, right, values)


def _cholesky(moment: torch.Tensor) -> torch.Tensor:
    """L with L Lᵀ = moment, damped until it is positive definite."""
    moment = moment.double().cpu()
    scale = float(moment.diagonal().mean()) or 1.0
    for damping in (DAMPING, 100 * DAMPING, 1e4 * DAMPING):
        factor: torch.Tensor
        factor, failed = torch.linalg.cholesky_ex(moment + damping * scale * torch.eye(len(moment), dtype=moment.dtype))
        if not int(failed):
            return factor
    raise StageFailed("The calibration inputs of a layer are no numbers. Switch 'whiten' off, or train the model anew.")


# --- how large a rank ---------------------------------------------------------------------------------------------------------


def ranks_by_ratio(layers: Mapping[str, Decomposition], ratio: float) -> dict[str, int]:
    """The same share of each layer's full rank."""
    return {name: max(1, round(ratio * len(layer.values))) for name, layer in layers.items()}


def ranks_by_energy(layers: Mapping[str, Decomposition], share: float) -> dict[str, int]:
    """The smallest rank that keeps this share of a layer's squared singular values."""
    ranks = {}
    for name, layer in layers.items():
        energy = layer.values.square().cumsum(0)
        enough = energy >= share * energy[-1] * (1 - 1e-12)
        ranks[name] = int(enough.nonzero()[0]) + 1
    return ranks


def ranks_by_budget(layers: Mapping[str, Decomposition], weights: int) -> dict[str, int]:
    """Ranks whose products have at most this many weights in all: each next rank goes where it keeps most energy per weight.

    Energy is a layer's own share, because layers differ in scale. A layer that its next rank makes as large as it was is left
    whole (its full rank). Raises StageFailed where rank 1 everywhere is too much.
    """
    ranks = dict.fromkeys(layers, 1)
    left = weights - sum(min(layer.per_rank, layer.size) for layer in layers.values())
    if left < 0:
        raise StageFailed(
            "The budget cannot be kept: rank 1 in every layer is already more. Raise 'budget', or factorize embeddings too."
        )
    queue = [(-_gain(layer, 1), name) for name, layer in layers.items() if layer.pays(1)]
    ranks |= {name: len(layer.values) for name, layer in layers.items() if not layer.pays(1)}
    heapq.heapify(queue)
    while queue:
        _, name = heapq.heappop(queue)
        layer, rank = layers[name], ranks[name] + 1
        cost = layer.per_rank if layer.pays(rank) else layer.size - (rank - 1) * layer.per_rank
        if cost > left:
            continue
        left -= cost
        ranks[name] = rank if layer.pays(rank) else len(layer.values)
        if layer.pays(rank) and rank < len(layer.values):
            heapq.heappush(queue, (-_gain(layer, rank), name))
    return ranks


def _gain(layer: Decomposition, rank: int) -> float:
    """Share of the layer's energy that one rank more keeps, for each weight that it costs."""
    total = float(layer.values.square().sum())
    return float(layer.values[rank]) ** 2 / (total * layer.per_rank) if total and rank < len(layer.values) else 0.0
