"""Random numbers that are fixed for each example and view: the same in every process, without a generator an example."""

import torch


def hashed(index: torch.Tensor, view: int) -> torch.Tensor:
    """A number in [0, 2³¹ − 1) for each (example, view): cheaper than a generator an example and just as fixed."""
    mixed = (index.to(torch.int64) * 2_654_435_761 + (view + 1) * 40_503_000_017) % 2_147_483_647
    return (mixed * 48_271) % 2_147_483_647


def scattered(numbers: torch.Tensor) -> torch.Tensor:
    """Numbers in [0, 1) without the lattice of ``hashed``, whose neighbours lie in step: several draws for one example."""
    bits = numbers & 0x7FFFFFFF
    for _ in range(2):
        bits = ((bits ^ (bits >> 16)) * 0x45D9F3B) & 0x7FFFFFFF
    return (bits ^ (bits >> 16)).to(torch.float64) / 2**31
