"""Attention transfer as pure functions (Zagoruyko, Komodakis 2017, arXiv:1612.03928, section 3.1)."""

import torch
from torch.nn import functional


def attention_distance(student_energy: torch.Tensor, teacher_energy: torch.Tensor) -> torch.Tensor:
    """Squared distance of the two maps of activity at unit length, summed over the places, mean over the batch: 0 to 2.

    Both [batch, height, width]: the mean of squares over the channels (F²_sum of section 3.1; the mean differs from the sum by a
    factor that the unit length takes away). Maps of different sizes are averaged down to the smaller one. Equation 2 takes the
    distance itself; its square, as in the authors' code, has a gradient where the two maps agree.
    """
    height, width = (min(one, other) for one, other in zip(student_energy.shape[1:], teacher_energy.shape[1:], strict=True))
    ours, theirs = (unit_maps(energy, (height, width)) for energy in (student_energy, teacher_energy))
    return (ours - theirs).square().sum(dim=1).mean()


def unit_maps(energy: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps [batch, height, width] averaged to ``size``, as vectors of unit length [batch, places]."""
    if tuple(energy.shape[1:]) != size:
        energy = functional.adaptive_avg_pool2d(energy.unsqueeze(1), size)
    return functional.normalize(energy.flatten(1), dim=1, eps=1e-8)
