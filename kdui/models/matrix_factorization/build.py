"""Matrix factorization of implicit feedback by alternating least squares (iALS: Hu, Koren, Volinsky 2008, ICDM, section 4).

As Rendle, Krichene, Zhang, Koren 2022 ("Revisiting the performance of iALS on item recommendation benchmarks",
arXiv:2110.14037, section 3) set it up: weight α₀ of all pairs, and regularization in proportion to what a row holds (ν = 1).
Dimensions, α₀ and λ are chosen on the validation data: an untuned baseline makes anything look good (Rendle, Zhang, Koren 2019,
"On the difficulty of evaluating baselines", arXiv:1905.01395).
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import TaskFacts
from kdui.models.histories import history_inputs, without_taken
from kdui.models.history_counts import Learned, taken_by_person
from kdui.models.matrix_factorization.spec import PENALTIES, WEIGHTS, WIDTHS

STEPS = 14  # of Newton's iteration: enough where eigenvalues differ by a factor of a thousand, as with histories of hundreds
ROUNDS = 6  # of alternating least squares


class MatrixFactorization(nn.Module):
    """Histories [n, length] to scores [n, items].

    A person's vector solves (α₀ VᵀV + Σ vvᵀ + λ′ I) u = Σ v over the vectors v of the history. VᵀV is diagonal here, for items
    are turned into its eigenvectors. The system is scaled by what is diagonal of it and inverted by Newton's iteration
    X ← X (2I − AX) (Schulz 1933), which a graph can compute.
    """

    gram: torch.Tensor
    penalty: torch.Tensor

    def __init__(self, items: int, width: int):
        super().__init__()
        self.head = nn.Linear(width, items, bias=False)  # V
        self.register_buffer("gram", torch.zeros(width))  # the diagonal of α₀ VᵀV
        self.register_buffer("penalty", torch.ones(2))  # λ, α₀ · items

    def forward(self, history: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.unsqueeze(-1).to(self.head.weight.dtype)
        strength = self.penalty[0] * (mask.sum(1) + self.penalty[1])  # λ′ [n, 1]
        scale = (self.gram + strength).rsqrt()
        taken = self.head.weight[(history - 1).clamp(min=0)] * mask * scale.unsqueeze(1)  # [n, length, width]
        own = taken.transpose(1, 2) @ taken
        whole = torch.eye(own.shape[-1], dtype=own.dtype, device=own.device)
        system, largest = own + whole, 1 + own.square().sum((1, 2), keepdim=True).sqrt()
        inverse = whole * (2 / (1 + largest))
        for _ in range(STEPS):
            inverse = inverse @ (2 * whole - system @ inverse)
        person = (inverse @ taken.sum(1).unsqueeze(-1)).squeeze(-1) * scale
        return without_taken(self.head(person), history)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """As wide as the widest that is tried: a narrower one leaves columns of zeros."""
    return MatrixFactorization(facts.outputs, options["width"] or max(WIDTHS))


inputs = history_inputs


def learn(module: MatrixFactorization, learned: Learned, options: Mapping[str, Any]) -> dict[str, Any]:
    """Try every setting, keep the one that is best on the validation data; the summary names it and all others."""
    tried = []
    taken = torch.from_numpy(taken_by_person(learned.train, len(learned.train.names)))
    choices = {"width": WIDTHS, "weight": WEIGHTS, "penalty": PENALTIES}
    grid = list(product(*((options[name],) if options[name] else values for name, values in choices.items())))
    best: tuple[float, dict[str, torch.Tensor]] | None = None
    for number, (width, weight, penalty) in enumerate(grid):
        _factorize(module, taken, width, weight, penalty)
        value = learned.judge()
        tried.append({"width": width, "weight": weight, "penalty": penalty, "validation": value})
        learned.log(f"{width} dimensions, α₀ {weight:g}, λ {penalty:g}: {value:.4f}")
        if best is None or learned.better(value, best[0]):
            best = value, {name: tensor.clone() for name, tensor in module.state_dict().items()}
        learned.progress((number + 1) / len(grid))
    assert best is not None, "the grid is never empty"
    module.load_state_dict(best[1])
    return {"tried": tried}


def _factorize(module: MatrixFactorization, taken: torch.Tensor, width: int, weight: float, penalty: float) -> None:
    """Alternate between people and items, and leave what is found in the module."""
    items = taken.shape[1]
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(items, width, generator=generator) * (0.1 / width**0.5)
    for _ in range(ROUNDS):
        persons = _solved(taken, vectors, weight, penalty)
        vectors = _solved(taken.T, persons, weight, penalty)
    sizes, directions = torch.linalg.eigh(vectors.T @ vectors)
    with torch.no_grad():
        module.head.weight.zero_()
        module.head.weight[:, :width] = vectors @ directions
        module.gram.zero_()
        module.gram[:width] = weight * sizes
        module.penalty.copy_(torch.tensor([penalty, weight * items]))


def _solved(taken: torch.Tensor, vectors: torch.Tensor, weight: float, penalty: float) -> torch.Tensor:
    """The best vector of each row of ``taken`` [rows, columns] for the columns' ``vectors`` [columns, width]."""
    width = vectors.shape[1]
    gram = weight * vectors.T @ vectors
    squares = (vectors.unsqueeze(2) * vectors.unsqueeze(1)).flatten(1)  # [columns, width²]
    systems = (taken @ squares).unflatten(1, (width, width)) + gram
    counts = taken.sum(1) + weight * len(vectors)
    systems += (penalty * counts)[:, None, None] * torch.eye(width)
    return torch.linalg.solve(systems, taken @ vectors)
