"""Cells of an image: which object each one is taught, and how far the predicted box is from the true one.

Anchor-free, one prediction a cell (Tian et al. 2019, FCOS, arXiv:1904.01355, section 3.1), on a single scale and with softmax
over the classes and the background in place of a sigmoid a class, so that a cell is a categorical distribution like any other
row. A cell predicts the distances of its middle to the four sides, in cells: softplus of the outputs, in the order left, top,
right, bottom.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from kdui.problems.detection.decode import CELL, SIDES

RADIUS = 1.5  # cells around the middle of a box, in each direction, that are taught its object (FCOS's centre sampling)
BACKGROUND = 0.25  # what a cell without an object counts beside one with: there are many more of them
_TINY = 1e-7


class Taught(NamedTuple):
    """What the cells of a batch are taught: class [batch, cells], 0 the background; distances to the sides [batch, cells, 4] in
    cells, of those with an object alone."""

    classes: torch.Tensor
    distances: torch.Tensor


def taught_cells(targets: torch.Tensor, rows: int, columns: int) -> Taught:
    """For true boxes [batch, most, 5] (class from 1, 0 where there is none; left, top, right, bottom in pixels).

    A cell within ``RADIUS`` of a box's middle is taught it where its own middle lies in the box, the smallest box first; the cell
    that holds the middle always is, however small the box.
    """
    x, y = _middles(rows, columns, targets.device)
    boxes = targets[..., 1:].float().unsqueeze(2) / CELL  # [batch, most, 1, 4]
    left, top, right, bottom = boxes.unbind(-1)
    distances = torch.stack([x - left, y - top, right - x, bottom - y], dim=-1)  # [batch, most, cells, 4]
    away = torch.maximum((x - (left + right) / 2).abs(), (y - (top + bottom) / 2).abs())
    theirs = (away < RADIUS) & (distances.amin(-1) > 0) | (away <= 0.5)
    theirs &= (targets[..., 0] > 0).unsqueeze(-1)
    area = ((right - left) * (bottom - top)).masked_fill(~theirs, torch.inf)
    smallest, which = area.min(dim=1)  # [batch, cells]
    classes = targets[..., 0].gather(1, which).masked_fill(smallest.isinf(), 0)
    of_cell = distances.gather(1, which[:, None, :, None].expand(-1, 1, -1, SIDES)).squeeze(1)
    return Taught(classes, of_cell.clamp(min=0))


def _middles(rows: int, columns: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """x and y of each cell's middle, in cells, row by row, [cells]."""
    number = torch.arange(rows * columns, device=device)
    return number % columns + 0.5, torch.div(number, columns, rounding_mode="floor") + 0.5


def sides(outputs: torch.Tensor) -> torch.Tensor:
    """Distances [..., 4] in cells of outputs whose last four are those of the sides."""
    return functional.softplus(outputs[..., -SIDES:].float())


def box_loss(ours: torch.Tensor, theirs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """1 − GIoU of boxes around the same middles, given as distances [..., 4], mean by ``weight`` [...]; 0 where none counts.

    Generalized intersection over union (Rezatofighi et al. 2019, arXiv:1902.09630, algorithm 2): boxes that do not meet
    still have a gradient.
    """
    shared = torch.minimum(ours, theirs)
    whole = torch.maximum(ours, theirs)
    joined = _area(ours) + _area(theirs) - _area(shared)
    around = _area(whole)
    giou = _area(shared) / (joined + _TINY) - (around - joined) / (around + _TINY)
    return ((1 - giou) * weight).sum() / weight.sum().clamp(min=_TINY)


def _area(distances: torch.Tensor) -> torch.Tensor:
    left, top, right, bottom = distances.unbind(-1)
    return (left + right) * (top + bottom)
