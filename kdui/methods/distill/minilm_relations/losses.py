"""Relations of self-attention as pure functions (Wang et al. 2021, MiniLMv2, arXiv:2012.15828, section 3.1)."""

import math

import torch


def relations(values: torch.Tensor, heads: int, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Log-probabilities [batch, heads, length, length] of how each token relates to the others, nothing to padding.

    ``values`` [batch, length, width]: all queries, keys or values of a layer, re-split into ``heads`` relation heads, so that
    any width that they divide gives relations of one shape (equations 4 and 5).
    """
    batch, length, width = values.shape
    cut = values.reshape(batch, length, heads, width // heads).transpose(1, 2)
    scores = torch.matmul(cut, cut.transpose(-1, -2)) / math.sqrt(width // heads)
    if mask is not None:
        scores = scores.masked_fill(mask[:, None, None, :] == 0, -1e9)
    return torch.log_softmax(scores, dim=-1)


def relation_loss(student: torch.Tensor, teacher: torch.Tensor, heads: int, mask: torch.Tensor | None = None) -> torch.Tensor:
    """KL(teacher ‖ student) of the relations, mean over heads and real tokens, in nats (equations 2 and 3).

    ``student`` [batch, length, width], ``teacher`` the same with a width of its own; ``mask`` [batch, length].
    """
    ours, theirs = relations(student, heads, mask), relations(teacher, heads, mask)
    divergence = (theirs.exp() * (theirs - ours)).sum(-1)
    real = torch.ones_like(divergence[:, 0]) if mask is None else mask.to(divergence.dtype)
    return (divergence * real.unsqueeze(1)).sum() / (real.sum() * heads).clamp(min=1)
