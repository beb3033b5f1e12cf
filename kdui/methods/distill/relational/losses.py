"""Relational distillation as pure functions (Park et al. 2019, arXiv:1904.05068, section 3.2)."""

import torch
from torch.nn import functional

ANGLE_EXAMPLES = 128  # angles grow with the cube of the batch; a batch is in random order, so its first ones are a sample


def distance_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Huber loss between distances of examples, each in units of their mean, over all pairs (equations 5 to 8).

    ``student`` [batch, width], ``teacher`` [batch, any width]. Moving, turning or scaling either changes nothing.
    """
    if len(student) < 2:
        return student.sum() * 0.0
    return functional.smooth_l1_loss(relative_distances(student), relative_distances(teacher))


def relative_distances(features: torch.Tensor) -> torch.Tensor:
    """Distances of all pairs of rows [pairs] over their mean; each pair once."""
    rows, columns = torch.triu_indices(len(features), len(features), offset=1, device=features.device)
    products = features @ features.T
    squares = products.diagonal()
    # The bound keeps the root's gradient finite where two examples look the same.
    distances = (squares[rows] + squares[columns] - 2 * products[rows, columns]).clamp(min=1e-12).sqrt()
    return distances / distances.mean()


def angle_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Huber loss between the cosines of the angles that three examples form, over all triples (equations 9 and 10).

    Shapes and invariances as in ``distance_loss``. Of a large batch the first ``ANGLE_EXAMPLES`` are taken; examples that look
    the same form no angle.
    """
    ours, apart = cosines(student[:ANGLE_EXAMPLES])
    theirs, also_apart = cosines(teacher[:ANGLE_EXAMPLES])
    counted = (apart & also_apart).to(ours.dtype)
    errors = functional.smooth_l1_loss(ours, theirs, reduction="none")
    return (errors * counted).sum() / counted.sum().clamp(min=1)


def cosines(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine of the angle at row j between rows i and k, [j, i, k], and where the three are different points."""
    legs = features.unsqueeze(0) - features.unsqueeze(1)
    apart = (legs != 0).any(dim=-1)
    units = functional.normalize(legs, dim=-1, eps=1e-6)
    off_diagonal = ~torch.eye(len(features), dtype=torch.bool, device=features.device)
    return units @ units.transpose(1, 2), apart.unsqueeze(2) & apart.unsqueeze(1) & off_diagonal.unsqueeze(0)
