"""TinyBERT's attention loss as pure functions (Jiao et al. 2020, arXiv:1909.10351, section 3.1, equation 7).

Its loss of hidden states (equation 8) is that of hints over tokens, through one projection that all layers share.
"""

import math

import torch


def attention_scores(query: torch.Tensor, key: torch.Tensor, heads: int) -> torch.Tensor:
    """Scaled products of queries and keys before the softmax, [batch, heads, length, length] of [batch, length, width]."""
    batch, length, width = query.shape
    queries, keys = (values.reshape(batch, length, heads, width // heads).transpose(1, 2) for values in (query, key))
    return torch.matmul(queries, keys.transpose(-1, -2)) / math.sqrt(width // heads)


def attention_maps(scores: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """What share of its attention each token gives to each other: softmax of the scores, nothing for padding."""
    if mask is not None:
        scores = scores.masked_fill(mask[:, None, None, :] == 0, -1e9)
    return torch.softmax(scores, dim=-1)


def attention_loss(
    student: torch.Tensor, teacher: torch.Tensor, mask: torch.Tensor | None = None, *, over: str = "maps"
) -> torch.Tensor:
    """Squared error between the attention of student and teacher, mean over heads and tokens.

    Both are scores [batch, heads, length, length]; ``mask`` [batch, length] leaves padding out. Over ``maps`` (after the softmax)
    the squares of a token's row are added up, so that a text's length does not change the scale: 0 to 2. Over ``scores``, what
    the paper found to learn faster, their mean is taken. Where the numbers of heads differ, no head has its counterpart, and the
    means over the heads are compared.
    """
    if over == "maps":
        student, teacher = attention_maps(student, mask), attention_maps(teacher, mask)
    if student.shape[1] != teacher.shape[1]:
        student, teacher = student.mean(1, keepdim=True), teacher.mean(1, keepdim=True)
    error = (student - teacher).square()
    real = torch.ones_like(error[:, 0, 0]) if mask is None else mask.to(error.dtype)
    columns = real if over == "scores" else torch.ones_like(real)
    rows = (error * columns[:, None, None, :]).sum(-1)
    if over == "scores":
        rows = rows / real.sum(-1).clamp(min=1)[:, None, None]
    return (rows * real[:, None, :]).sum() / (real.sum() * rows.shape[1]).clamp(min=1)
